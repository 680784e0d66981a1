//! Namespaces with their quotas and limits.

use crate::core::collections::PSet;
use crate::core::collections::sort::Sort as _;

use super::Reader;
use super::sheet::{Sheet, date};
use crate::api::quantity::Quantity;
use crate::api::resource::{LIMITRANGES, RESOURCEQUOTAS};
use crate::core::Request;
use crate::flow::{Flow, RequestError};
use crate::value::Value;

pub(super) fn describe(reader: &mut Reader, namespace: &Value) -> Flow<Result<String, RequestError>> {
    let mut lists = Vec::new();
    for resource in [RESOURCEQUOTAS, LIMITRANGES] {
        match reader.io.request(Request::list(resource, namespace["metadata"]["name"].text()).param("limit", "500"))? {
            Ok(list) => lists.push(Some(list["items"].items().to_vec())),
            Err(error) if error.reason() == "NotFound" => lists.push(None),
            Err(error) => return Ok(Err(error)),
        }
    }
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(namespace);
    sheet.metadata(namespace);
    sheet.field(0, "Status", namespace["status"]["phase"].str());
    let conditions = namespace["status"]["conditions"].items();
    if !conditions.is_empty() {
        sheet.line(0, "Conditions:");
        sheet.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        sheet.line(1, "----\t------\t------------------\t------\t-------");
    }
    for condition in conditions {
        let text = |key: &str| condition[key].str().to_string();
        let changed = date(&condition["lastTransitionTime"]);
        let (kind, status, reason, message) = (text("type"), text("status"), text("reason"), text("message"));
        sheet.line(1, &format!("{kind}\t{status}\t{changed}\t{reason}\t{message}"));
    }
    if let Some(quotas) = &lists[0] {
        sheet.line(0, "");
        sheet.line(0, if quotas.is_empty() { "No resource quota." } else { "Resource Quotas" });
        for quota in quotas {
            sheet.field(1, "Name", quota.name());
            quota_rows(&mut sheet, 1, quota, "---");
        }
    }
    if let Some(ranges) = &lists[1] {
        sheet.line(0, "");
        if ranges.is_empty() {
            sheet.line(0, "No LimitRange resource.");
        } else {
            sheet.line(0, &format!("Resource Limits\n {LIMIT_TITLES}"));
            sheet.line(0, &format!(" {LIMIT_RULES}"));
        }
        for range in ranges {
            limit_rows(&mut sheet, " ", range);
        }
    }
    Ok(Ok(sheet.finish()))
}

const LIMIT_TITLES: &str = "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio";
const LIMIT_RULES: &str = "----\t--------\t---\t---\t---------------\t-------------\t-----------------------";

fn quota_rows(sheet: &mut Sheet, level: usize, quota: &Value, rule: &str) {
    let mut scopes: Vec<&str> = quota["spec"]["scopes"].items().iter().map(Value::str).collect();
    if !scopes.is_empty() {
        scopes.order();
        sheet.field(level, "Scopes", &scopes.join(", "));
    }
    sheet.line(level, "Resource\tUsed\tHard");
    sheet.line(level, &format!("--------\t{rule}\t{rule}"));
    for (name, hard) in quota["status"]["hard"].entries() {
        let used = Quantity::of(&quota["status"]["used"][name.as_str()]);
        sheet.line(level, &format!("{name}\t{used}\t{}", Quantity::of(hard)));
    }
}

fn limit_rows(sheet: &mut Sheet, prefix: &str, range: &Value) {
    const KEYS: [&str; 5] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
    for item in range["spec"]["limits"].items() {
        let names: PSet<_> = KEYS.iter().flat_map(|key| item[*key].entries().iter().map(|(name, _)| name)).collect();
        for name in names {
            let cell = |key: &&str| match item[*key].get(name) {
                Some(amount) => Quantity::of(amount).to_string(),
                None => "-".to_string(),
            };
            let cells: Vec<String> = KEYS.iter().map(cell).collect();
            sheet.line(0, &format!("{prefix}{}\t{name}\t{}", item["type"].str(), cells.join("\t")));
        }
    }
}

pub(super) fn quota(reader: &mut Reader, quota: &Value) -> String {
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(quota);
    quota_rows(&mut sheet, 0, quota, "----");
    sheet.finish()
}

pub(super) fn limit_range(reader: &mut Reader, range: &Value) -> String {
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(range);
    sheet.line(0, LIMIT_TITLES);
    sheet.line(0, LIMIT_RULES);
    limit_rows(&mut sheet, "", range);
    sheet.finish()
}
