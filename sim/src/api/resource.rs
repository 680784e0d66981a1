//! The resources that the simulated api-server serves.

use std::fmt;

/// A kind of object that the api-server stores, as `kubectl api-resources` lists it.
#[derive(Debug)]
pub struct ResourceInfo {
    /// API group; "" for the core group.
    pub group: &'static str,
    /// Version, such as `v1`.
    pub version: &'static str,
    /// Kind, such as `Pod`.
    pub kind: &'static str,
    /// Plural name in paths, such as `pods`.
    pub plural: &'static str,
    /// Singular name that kubectl accepts too.
    pub singular: &'static str,
    /// Short names, such as `po`.
    pub short_names: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Subresources, such as `status`.
    pub subresources: &'static [&'static str],
    /// The folder below `/registry` in etcd; it differs from the plural for a few old kinds.
    pub storage: &'static str,
}

/// One of [`RESOURCES`], by its position; cheap to copy and to compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource(u8);

impl std::ops::Deref for Resource {
    type Target = ResourceInfo;
    fn deref(&self) -> &ResourceInfo {
        &RESOURCES[self.0 as usize]
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.group_resource())
    }
}

impl Resource {
    /// The resource with this plural name and group.
    pub fn find(group: &str, plural: &str) -> Option<Self> {
        Self::all().find(|resource| resource.group == group && resource.plural == plural)
    }

    /// The resource of a kind, such as `("apps/v1", "Deployment")`.
    pub fn of_kind(api_version: &str, kind: &str) -> Option<Self> {
        Self::all().find(|resource| resource.kind == kind && resource.api_version() == api_version)
    }

    /// All resources in the order of `kubectl api-resources`.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..RESOURCES.len() as u8).map(Self)
    }

    /// `v1` or `apps/v1`.
    pub fn api_version(self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `pods` or `deployments.apps`.
    pub fn group_resource(self) -> String {
        if self.group.is_empty() { self.plural.to_string() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The path below the server's root: `/api/v1/namespaces/default/pods/nginx/status`. Empty parts are left out.
    pub fn path(self, namespace: &str, name: &str, subresource: &str) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            path += "/namespaces/";
            path += namespace;
        }
        path += "/";
        path += self.plural;
        for part in [name, subresource] {
            if !part.is_empty() {
                path += "/";
                path += part;
            }
        }
        path
    }

    /// The key in etcd: `/registry/pods/default/nginx`; with empty names the prefix, ending in `/`.
    pub fn etcd_key(self, namespace: &str, name: &str) -> String {
        let middle = if self.namespaced && !namespace.is_empty() { [namespace, "/"] } else { ["", ""] };
        ["/registry/", self.storage, "/", middle[0], middle[1], name].concat()
    }
}

macro_rules! resources {
    ($($constant:ident = $group:literal $version:literal $kind:literal $plural:literal $singular:literal [$($short:literal)*] $namespaced:literal [$($sub:literal)*] $storage:literal;)*) => {
        resources!(@const 0u8; $($constant)*);
        /// Every resource, in the order of `kubectl api-resources`.
        pub static RESOURCES: &[ResourceInfo] = &[$(ResourceInfo {
            group: $group, version: $version, kind: $kind, plural: $plural, singular: $singular,
            short_names: &[$($short),*], namespaced: $namespaced, subresources: &[$($sub),*], storage: $storage,
        }),*];
    };
    (@const $n:expr; $head:ident $($tail:ident)*) => {
        #[doc = concat!("The resource `", stringify!($head), "`.")]
        pub const $head: Resource = Resource($n);
        resources!(@const $n + 1; $($tail)*);
    };
    (@const $n:expr;) => {};
}

resources! {
    CONFIGMAPS = "" "v1" "ConfigMap" "configmaps" "configmap" ["cm"] true [] "configmaps";
    ENDPOINTS = "" "v1" "Endpoints" "endpoints" "endpoints" ["ep"] true [] "services/endpoints";
    EVENTS = "" "v1" "Event" "events" "event" ["ev"] true [] "events";
    LIMITRANGES = "" "v1" "LimitRange" "limitranges" "limitrange" ["limits"] true [] "limitranges";
    NAMESPACES = "" "v1" "Namespace" "namespaces" "namespace" ["ns"] false ["status" "finalize"] "namespaces";
    NODES = "" "v1" "Node" "nodes" "node" ["no"] false ["status" "proxy"] "minions";
    PERSISTENTVOLUMECLAIMS = "" "v1" "PersistentVolumeClaim" "persistentvolumeclaims" "persistentvolumeclaim" ["pvc"] true ["status"] "persistentvolumeclaims";
    PERSISTENTVOLUMES = "" "v1" "PersistentVolume" "persistentvolumes" "persistentvolume" ["pv"] false ["status"] "persistentvolumes";
    PODS = "" "v1" "Pod" "pods" "pod" ["po"] true ["status" "binding" "eviction" "log" "exec" "portforward"] "pods";
    RESOURCEQUOTAS = "" "v1" "ResourceQuota" "resourcequotas" "resourcequota" ["quota"] true ["status"] "resourcequotas";
    SECRETS = "" "v1" "Secret" "secrets" "secret" [] true [] "secrets";
    SERVICEACCOUNTS = "" "v1" "ServiceAccount" "serviceaccounts" "serviceaccount" ["sa"] true ["token"] "serviceaccounts";
    SERVICES = "" "v1" "Service" "services" "service" ["svc"] true ["status" "proxy"] "services/specs";
    CONTROLLERREVISIONS = "apps" "v1" "ControllerRevision" "controllerrevisions" "controllerrevision" [] true [] "controllerrevisions";
    DAEMONSETS = "apps" "v1" "DaemonSet" "daemonsets" "daemonset" ["ds"] true ["status"] "daemonsets";
    DEPLOYMENTS = "apps" "v1" "Deployment" "deployments" "deployment" ["deploy"] true ["status" "scale"] "deployments";
    REPLICASETS = "apps" "v1" "ReplicaSet" "replicasets" "replicaset" ["rs"] true ["status" "scale"] "replicasets";
    LEASES = "coordination.k8s.io" "v1" "Lease" "leases" "lease" [] true [] "leases";
    ENDPOINTSLICES = "discovery.k8s.io" "v1" "EndpointSlice" "endpointslices" "endpointslice" [] true [] "endpointslices";
    EVENTS_K8S_IO = "events.k8s.io" "v1" "Event" "events" "event" ["ev"] true [] "events";
    SERVICECIDRS = "networking.k8s.io" "v1" "ServiceCIDR" "servicecidrs" "servicecidr" [] false ["status"] "servicecidrs";
    IPADDRESSES = "networking.k8s.io" "v1" "IPAddress" "ipaddresses" "ipaddress" ["ip"] false [] "ipaddresses";
    RUNTIMECLASSES = "node.k8s.io" "v1" "RuntimeClass" "runtimeclasses" "runtimeclass" [] false [] "runtimeclasses";
    PODDISRUPTIONBUDGETS = "policy" "v1" "PodDisruptionBudget" "poddisruptionbudgets" "poddisruptionbudget" ["pdb"] true ["status"] "poddisruptionbudgets";
    CLUSTERROLEBINDINGS = "rbac.authorization.k8s.io" "v1" "ClusterRoleBinding" "clusterrolebindings" "clusterrolebinding" [] false [] "clusterrolebindings";
    CLUSTERROLES = "rbac.authorization.k8s.io" "v1" "ClusterRole" "clusterroles" "clusterrole" [] false [] "clusterroles";
    ROLEBINDINGS = "rbac.authorization.k8s.io" "v1" "RoleBinding" "rolebindings" "rolebinding" [] true [] "rolebindings";
    ROLES = "rbac.authorization.k8s.io" "v1" "Role" "roles" "role" [] true [] "roles";
    PRIORITYCLASSES = "scheduling.k8s.io" "v1" "PriorityClass" "priorityclasses" "priorityclass" ["pc"] false [] "priorityclasses";
    CSIDRIVERS = "storage.k8s.io" "v1" "CSIDriver" "csidrivers" "csidriver" [] false [] "csidrivers";
    CSINODES = "storage.k8s.io" "v1" "CSINode" "csinodes" "csinode" [] false [] "csinodes";
    STORAGECLASSES = "storage.k8s.io" "v1" "StorageClass" "storageclasses" "storageclass" ["sc"] false [] "storageclasses";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_name_their_rows() {
        assert_eq!(PODS.plural, "pods");
        assert_eq!(STORAGECLASSES.kind, "StorageClass");
        assert_eq!(Resource::find("apps", "deployments"), Some(DEPLOYMENTS));
        assert_eq!(Resource::of_kind("v1", "Node"), Some(NODES));
    }

    #[test]
    fn paths_and_keys() {
        assert_eq!(PODS.path("default", "nginx", "status"), "/api/v1/namespaces/default/pods/nginx/status");
        assert_eq!(DEPLOYMENTS.path("", "", ""), "/apis/apps/v1/deployments");
        assert_eq!(NODES.etcd_key("", "kind-worker"), "/registry/minions/kind-worker");
        assert_eq!(SERVICES.etcd_key("default", ""), "/registry/services/specs/default/");
    }
}
