//! ConfigMaps, Secrets and ServiceAccounts.

use super::Reader;
use super::events;
use super::sheet::Sheet;
use crate::flow::Flow;
use crate::value::Value;

pub(super) fn config_map(reader: &mut Reader, config: &Value) -> Flow<String> {
    let events = events::of(reader, config)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(config);
    sheet.metadata(config);
    sheet.line(0, "\nData\n====");
    for (key, value) in config["data"].entries() {
        sheet.line(0, &format!("{key}:\n----"));
        sheet.line(0, value.str());
        sheet.line(0, "");
    }
    sheet.line(0, "\nBinaryData\n====");
    for (key, value) in config["binaryData"].entries() {
        sheet.line(0, &format!("{key}: {} bytes", decoded_len(value.str())));
    }
    sheet.line(0, "");
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}

pub(super) fn secret(reader: &mut Reader, secret: &Value) -> String {
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(secret);
    sheet.metadata(secret);
    sheet.line(0, &format!("\nType:\t{}", secret["type"].str()));
    sheet.line(0, "\nData\n====");
    let token = secret["type"].str() == "kubernetes.io/service-account-token";
    for (key, value) in secret["data"].entries() {
        if token && *key == "token" {
            sheet.field(0, key, value.str());
        } else {
            sheet.field(0, key, &format!("{} bytes", decoded_len(value.str())));
        }
    }
    sheet.finish()
}

/// How many bytes a base64 text stands for.
fn decoded_len(base64: &str) -> usize {
    base64.bytes().filter(|byte| *byte != b'=').count() * 6 / 8
}

pub(super) fn service_account(reader: &mut Reader, account: &Value) -> Flow<String> {
    let events = events::of(reader, account)?;
    let mut sheet = Sheet::new(reader.io.now());
    sheet.name(account);
    sheet.metadata(account);
    let secrets = account["imagePullSecrets"].items();
    if secrets.is_empty() {
        sheet.line(0, "Image pull secrets:\t<none>");
    }
    for (at, secret) in secrets.iter().enumerate() {
        let title = if at == 0 { "Image pull secrets:" } else { "                   " };
        sheet.line(0, &format!("{title}\t{}", secret["name"].str()));
    }
    events::describe(&mut sheet, events);
    Ok(sheet.finish())
}
