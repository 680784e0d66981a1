//! POST pods/NAME/eviction, after `registry/core/pod/storage/eviction.go`: a PodDisruptionBudget is spent before the pod is deleted, so that
//! evictions at the same time cannot overrun it.

use super::rest::Outcome;
use super::subresource::set_condition;
use super::{ApiServer, Client, Stage, cache};
use crate::api::resource::{PODDISRUPTIONBUDGETS, PODS};
use crate::api::selector::LabelSelector;
use crate::api::{ApiError, pod};
use crate::core::{Outbox, Request, Time};
use crate::etcd::EtcdRequest;
use crate::value;
use crate::value::Value;
use std::rc::Rc;

impl ApiServer {
    /// What an eviction makes of a pod: its deletion, or first a budget that is spent.
    pub(super) fn evict(&mut self, current: &Value, request: &Request, out: &Outbox<'_>) -> Result<Outcome, ApiError> {
        let finished = matches!(current["status"]["phase"].str(), "Succeeded" | "Failed" | "Pending");
        if finished || current.is_terminating() {
            return self.evicted(current, request, out);
        }
        let selects = |budget: &&Value| LabelSelector::of(&budget["spec"]["selector"]).matches_object(current);
        let budgets = self.caches.list_in(PODDISRUPTIONBUDGETS, current.namespace());
        let budgets: Vec<Value> = budgets.filter(selects).cloned().collect();
        let [budget] = &*budgets else {
            return if budgets.is_empty() { self.evicted(current, request, out) } else { Err(more_than_one()) };
        };
        if may_go_unhealthy(budget, current) {
            return self.evicted(current, request, out);
        }
        let spent = spend(budget, current.name(), out.now())?;
        if request.query("dryRun").is_some() { self.evicted(current, request, out) } else { Ok(Outcome::Spend(spent)) }
    }

    /// The deletion of a pod whose eviction is allowed.
    pub(super) fn evicted(&mut self, current: &Value, request: &Request, out: &Outbox<'_>) -> Result<Outcome, ApiError> {
        let mut delete = Request::delete(PODS, request.namespace.clone(), request.name.clone());
        delete.body = match &request.body["deleteOptions"] {
            Value::Null => Value::map(),
            options => options.clone(),
        };
        let outcome = self.outcome(&delete, current, out)?;
        let Outcome::Put(mut pod) = outcome else { return Ok(outcome) };
        let condition = value!({
            "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
            "lastProbeTime": null, "lastTransitionTime": out.now().rfc3339(), "observedGeneration": pod.generation(),
        });
        set_condition(&mut pod, condition);
        Ok(Outcome::Put(pod))
    }

    /// Stores a budget that is spent for `pod`; `attempts` counts how often others were faster.
    pub(super) fn put_budget(
        &mut self,
        client: Client,
        request: Rc<Request>,
        budget: &Value,
        pod: Value,
        attempts: u8,
        out: &mut Outbox<'_>,
    ) {
        let put = EtcdRequest::Put {
            key: PODDISRUPTIONBUDGETS.etcd_key(budget.namespace(), budget.name()).into(),
            expected: Some(budget.resource_version()),
            value: cache::without_revision(budget),
            ttl: None,
        };
        self.ask_etcd(put, client, request, Stage::Spend { attempts, pod }, out);
    }

    /// etcd has answered: the budget is spent (`succeeded`) or gone, or `stored` is what somebody else has made of it.
    pub(super) fn budget_put(
        &mut self,
        (client, request): (Client, Rc<Request>),
        (attempts, pod): (u8, Value),
        succeeded: bool,
        stored: Option<&Value>,
        out: &mut Outbox<'_>,
    ) {
        match stored {
            Some(budget) if !succeeded => match spend(budget, pod.name(), out.now()) {
                Ok(spent) if attempts < 20 => self.put_budget(client, request, &spent, pod, attempts + 1, out),
                Ok(_) => self.answer(&client, Err(too_many(budget)), out),
                Err(error) => self.answer(&client, Err(error), out),
            },
            _ => {
                let outcome = self.evicted(&pod, &request, out);
                self.carry_out(client, request, &pod, outcome, true, 0, out);
            }
        }
    }
}

/// Whether a pod that is not ready may go whatever the budget allows (`unhealthyPodEvictionPolicy`).
fn may_go_unhealthy(budget: &Value, current: &Value) -> bool {
    let status = &budget["status"];
    let enough = status["currentHealthy"].int() >= status["desiredHealthy"].int() && status["desiredHealthy"].int() > 0;
    !pod::is_ready(current) && (budget["spec"]["unhealthyPodEvictionPolicy"].str() == "AlwaysAllow" || enough)
}

/// The budget with one disruption less, and with the pod that goes (checkAndDecrement).
fn spend(budget: &Value, pod: &str, now: Time) -> Result<Value, ApiError> {
    if budget["status"]["observedGeneration"].int() < budget.generation() {
        return Err(not_yet(budget));
    }
    let allowed = budget["status"]["disruptionsAllowed"].int() - 1;
    if allowed < 0 {
        return Err(too_many(budget));
    }
    let mut budget = budget.clone();
    budget["status"]["disruptionsAllowed"] = allowed.into();
    if allowed == 0 {
        let condition = value!({
            "type": "DisruptionAllowed", "status": "False", "observedGeneration": budget["status"]["observedGeneration"].clone(),
            "lastTransitionTime": now.rfc3339(), "reason": "InsufficientPods", "message": "",
        });
        set_condition(&mut budget, condition);
    }
    budget["status"]["disruptedPods"].map_mut().insert(pod.to_string(), now.rfc3339());
    Ok(budget)
}

fn more_than_one() -> ApiError {
    let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
    ApiError::new(500, "InternalError", message)
}

fn refused(why: String) -> ApiError {
    let mut error = ApiError::new(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.");
    error.details = value!({"causes": [{"reason": "DisruptionBudget", "message": why}]});
    error
}

fn not_yet(budget: &Value) -> ApiError {
    let mut error = refused(format!("The disruption budget {} is still being processed by the server.", budget.name()));
    error.details["retryAfterSeconds"] = 10.into();
    error
}

fn too_many(budget: &Value) -> ApiError {
    let status = &budget["status"];
    let (needs, has) = (status["desiredHealthy"].int(), status["currentHealthy"].int());
    refused(format!("The disruption budget {} needs {needs} healthy pods and has {has} currently", budget.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_once_a_pod() {
        let budget = value!({
            "metadata": {"name": "b", "generation": 1},
            "status": {"observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2},
        });
        let spent = spend(&budget, "web-1", Time::ZERO).unwrap();
        assert_eq!(spent["status"]["disruptionsAllowed"].int(), 0);
        assert_eq!(spent["status"]["disruptedPods"]["web-1"].str(), "2026-01-05T09:00:00Z");
        assert_eq!(spent.condition("DisruptionAllowed").unwrap()["status"].str(), "False");
        let refusal = spend(&spent, "web-2", Time::ZERO).unwrap_err();
        assert_eq!(refusal.code, 429);
        assert_eq!(
            refusal.details["causes"][0]["message"].str(),
            "The disruption budget b needs 2 healthy pods and has 3 currently"
        );

        let mut stale = budget;
        stale["metadata"]["generation"] = 2.into();
        let refusal = spend(&stale, "web-1", Time::ZERO).unwrap_err();
        assert_eq!(
            refusal.details["causes"][0]["message"].str(),
            "The disruption budget b is still being processed by the server."
        );
    }
}
