//! What a call is about, for the audit: the stage, and the thing in it.

/// Arguments that name a thing.
const NAMES: [&str; 6] =
    ["workflowName", "objectName", "database", "bucket", "cache", "version_id"];

/// `staging/OnboardingWorkflow`; an unnamed stage is left out.
pub(crate) fn of(stage: Option<&str>, argument: impl Fn(&str) -> Option<String>) -> String {
    let stage = stage.map(str::to_owned).or_else(|| argument("stage"));
    let thing = NAMES.iter().find_map(|name| argument(name));
    let parts: Vec<String> = [stage, thing].into_iter().flatten().collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_the_stage_and_the_thing() {
        let argument = |name: &str| match name {
            "stage" => Some("prod".to_owned()),
            "workflowName" => Some("W".to_owned()),
            _ => None,
        };
        assert_eq!(of(Some("production"), argument), "production/W");
        assert_eq!(of(None, argument), "prod/W");
        assert_eq!(of(None, |_| None), "");
    }
}
