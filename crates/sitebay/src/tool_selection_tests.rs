//! Choices of this toolset's groups.

use mcp_auth::scope::Scopes;
use mcp_server::{tool_selection::ToolSelection, toolset::Effect};

use crate::{operations::OPERATIONS, testing::REGISTRY};

fn offered(choice: ToolSelection) -> Vec<&'static str> {
    let operations = REGISTRY.all().filter(|tool| !tool.group.is_empty());
    operations.filter(|tool| REGISTRY.offers(choice, tool)).map(|tool| tool.name).collect()
}

#[test]
fn a_choice_comes_back_from_its_claim() {
    for names in ["", "all", "sites", "sites, DNS", "default", "dynamic", "dynamic,default"] {
        for read_only in [false, true] {
            let choice = ToolSelection { read_only, ..REGISTRY.choose(names).unwrap() };
            assert!(choice.to_claim().len() <= 16);
            assert_eq!(ToolSelection::from_claim(&choice.to_claim()), choice, "{names}");
        }
    }
    assert_eq!(ToolSelection::from_claim("nonsense"), ToolSelection::default());
}

#[test]
fn toolsets_are_offered_whole_and_without_what_was_retired() {
    let all = offered(REGISTRY.choose("all").unwrap());
    let with_legacy = offered(ToolSelection { legacy: true, ..REGISTRY.choose("all").unwrap() });
    assert!(all.len() < with_legacy.len());
    assert_eq!(with_legacy.len(), OPERATIONS.len());
    let dns = offered(REGISTRY.choose("dns").unwrap());
    assert!(dns.contains(&"sitebay_get_dns_records") && dns.len() < 10, "{dns:?}");
    assert!(offered(ToolSelection::default()).contains(&"sitebay_list_sites"));
    let both = offered(REGISTRY.choose("default,dns").unwrap());
    assert!(both.contains(&"sitebay_list_sites") && both.len() > dns.len(), "{both:?}");
    assert!(both.contains(&"sitebay_delete_dns_record"));
}

#[test]
fn a_dynamic_choice_begins_with_nothing_and_takes_toolsets_in() {
    let choice = REGISTRY.choose("dynamic").unwrap();
    assert!(choice.is_dynamic() && offered(choice).is_empty());
    assert!(
        offered(choice.with(REGISTRY.bits("dns").unwrap())).contains(&"sitebay_get_dns_records")
    );
    assert!(!REGISTRY.choose("all").unwrap().is_dynamic());
}

#[test]
fn reading_only_leaves_out_what_changes_something() {
    let choice = ToolSelection { read_only: true, ..REGISTRY.choose("all").unwrap() };
    assert!(!offered(choice).contains(&"sitebay_delete_site"));
    assert!(!choice.allows(Effect::Write) && choice.allows(Effect::Read));
}

#[test]
fn who_may_only_read_is_offered_what_reads() {
    let all = REGISTRY.choose("all").unwrap();
    assert_eq!(all.within(Scopes::WRITE), all);
    assert!(all.within(Scopes::READ).read_only);
}

#[test]
fn an_unknown_toolset_is_named_with_those_there_are() {
    let error = REGISTRY.choose("sites,moon").unwrap_err().to_string();
    assert!(error.contains("`moon`") && error.contains("dns"), "{error}");
}
