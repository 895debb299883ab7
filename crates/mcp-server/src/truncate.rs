//! Making a value smaller so that it still fits its schema: fewer items, shorter texts.

use serde_json::Value;

use mcp_protocol::bytes::cut_text;

/// Values smaller than this are not truncated.
const SMALL: usize = 1_024;

/// Leaves out what does not fit into so many bytes; `truncated` says so where a field of this name is
/// there.
pub(super) fn shrink(value: &mut Value, budget: usize) {
    if weight_of(value) <= budget {
        return;
    }
    match value {
        Value::String(text) => *text = cut_text(text, budget).to_owned(),
        Value::Array(items) => {
            let mut left = budget;
            let fits = |item: &Value| {
                let weight = weight_of(item);
                let fits = weight <= left;
                left = left.saturating_sub(weight);
                fits
            };
            let count = items.iter().map(fits).take_while(|fits| *fits).count();
            items.truncate(count);
        }
        Value::Object(map) => {
            let small: usize = map.values().map(weight_of).filter(|weight| *weight <= SMALL).sum();
            let large = map.values().filter(|inner| weight_of(inner) > SMALL).count();
            let share = budget.saturating_sub(small).checked_div(large).unwrap_or(0);
            for inner in map.values_mut().filter(|inner| weight_of(inner) > SMALL) {
                shrink(inner, share);
            }
            if let Some(truncated @ Value::Bool(_)) = map.get_mut("truncated") {
                *truncated = Value::Bool(true);
            }
        }
        _ => {}
    }
}

/// About how many bytes a value has as JSON.
pub(crate) fn weight_of(value: &Value) -> usize {
    let weight = match value {
        Value::Null | Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight_of).sum(),
        Value::Object(map) => {
            map.iter().map(|(name, inner)| name.len().saturating_add(weight_of(inner))).sum()
        }
    };
    weight.saturating_add(4)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_has_fewer_items_and_says_so() {
        let sites: Vec<Value> =
            (0..1_000).map(|n| json!({"id": n, "name": "x".repeat(50)})).collect();
        let mut data = json!({"count": 1_000, "truncated": false, "sites": sites});
        shrink(&mut data, 10_000);
        assert!(weight_of(&data) <= 10_100, "{}", weight_of(&data));
        let kept = data["sites"].as_array().unwrap().len();
        assert!(kept > 50 && kept < 200, "{kept}");
        assert_eq!((&data["truncated"], &data["count"]), (&json!(true), &json!(1_000)));
    }

    #[test]
    fn a_text_is_shorter_wherever_it_is() {
        let mut data = json!({"result": {"output": "ü".repeat(10_000), "code": 0}});
        shrink(&mut data, 3_000);
        let output = data["result"]["output"].as_str().unwrap();
        assert!(output.len() <= 3_000 && output.len() > 2_000 && output.ends_with('ü'));
        assert_eq!(data["result"]["code"], 0);
    }

    #[test]
    fn what_fits_stays() {
        let mut data = json!({"a": [1, 2, 3]});
        shrink(&mut data, 1_000);
        assert_eq!(data, json!({"a": [1, 2, 3]}));
    }
}
