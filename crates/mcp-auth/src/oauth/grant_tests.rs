//! Grants: codes and refresh tokens in all the orders in which they may come.

use proptest::prelude::*;

use super::*;
use test_support::stored::of_0_1_0;

const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";
const SECRET: Hash = [9; 32];
const CLIENT: Hash = [1; 32];
const ORIGIN: Hash = [2; 32];
const BEARER: Bearer<'static> = Bearer { client: &CLIENT, secret: &SECRET, origin: &ORIGIN };
const URI: &str = "https://x.example/cb";

fn grant() -> Grant {
    let terms = GrantTerms {
        subject: Subject([7; 16]),
        client: CLIENT,
        client_name: "\"Cläude\"".into(),
        redirect_uri: URI.into(),
        scopes: Scopes::WRITE,
        upstreams: UpstreamScopes::default(),
        challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
        origin: ORIGIN,
        secret: SECRET,
        credential: "sealed".into(),
    };
    Grant::new(terms, 1_000)
}

fn live() -> Grant {
    let mut grant = grant();
    assert_eq!(grant.redeem(BEARER, Some(URI), VERIFIER, 1_000_000), Ok(0));
    grant
}

#[test]
fn a_grant_of_0_1_0_is_read() {
    for (name, grant) in [("oauth-grant-new", grant()), ("oauth-grant-redeemed", live())] {
        let stored = of_0_1_0(name, &grant.to_json());
        assert_eq!(Grant::from_json(&stored), Some(grant), "{name}");
    }
}

#[test]
fn a_grant_keeps_the_scopes_of_upstreams() {
    let upstreams = UpstreamScopes::parse("upstream:tickets");
    let terms = GrantTerms { upstreams, ..grant().terms };
    assert_eq!(GrantTerms::from_json(&terms.to_json()), Some(terms));
}

#[test]
fn the_terms_of_a_new_grant_are_read_as_they_were_written() {
    let terms = grant().terms;
    let stored = of_0_1_0("message-grant-create", &terms.to_json());
    assert_eq!(GrantTerms::from_json(&stored), Some(terms));
}

#[test]
fn a_code_is_good_once_and_twice_is_the_end() {
    let mut grant = grant();
    assert!(!grant.is_live(&SECRET, 1_000));
    assert_eq!(grant.redeem(BEARER, Some(URI), VERIFIER, 1_000_000), Ok(0));
    assert!(grant.is_live(&SECRET, 1_000));
    assert!(!grant.is_live(&[0; 32], 1_000));
    let again = grant.redeem(BEARER, Some(URI), VERIFIER, 1_000_001);
    assert!(matches!(again, Err(GrantError::Replayed(_))));
}

#[test]
fn a_code_of_another_client_redirect_verifier_or_server_changes_nothing() {
    let mut grant = grant();
    let before = grant.clone();
    let foreign = Bearer { client: &[5; 32], ..BEARER };
    let elsewhere = Bearer { origin: &[5; 32], ..BEARER };
    let guessed = Bearer { secret: &[5; 32], ..BEARER };
    for (by, uri, verifier) in [
        (foreign, URI, VERIFIER),
        (elsewhere, URI, VERIFIER),
        (guessed, URI, VERIFIER),
        (BEARER, "https://x.example/other", VERIFIER),
        (BEARER, URI, "another-verifier-of-forty-three-characters-"),
        (BEARER, URI, ""),
        (BEARER, URI, "short"),
    ] {
        let refused = grant.redeem(by, Some(uri), verifier, 1_000_000);
        assert!(matches!(refused, Err(GrantError::Invalid(_))), "{verifier} {uri}");
    }
    assert_eq!(grant, before);
    assert_eq!(grant.redeem(BEARER, None, VERIFIER, 1_000_000), Ok(0));
}

#[test]
fn a_plain_challenge_is_answered_by_nothing() {
    let mut grant = grant();
    grant.terms.challenge = VERIFIER.into();
    assert!(grant.redeem(BEARER, Some(URI), VERIFIER, 1_000_000).is_err());
    assert!(!is_challenge(VERIFIER) && is_challenge(&URL_SAFE_NO_PAD.encode([0; 32])));
}

#[test]
fn a_code_runs_out_after_ten_minutes_and_a_grant_thirty_days_after_its_last_refresh() {
    let mut late = grant();
    let refused = late.redeem(BEARER, Some(URI), VERIFIER, 1_600_000);
    assert!(matches!(refused, Err(GrantError::Expired(_))));
    let mut grant = live();
    let month = GRANT_LASTS * 1_000;
    assert_eq!(grant.refresh(BEARER, 0, month), Ok(1));
    assert_eq!(grant.refresh(BEARER, 1, month + month - 1), Ok(2));
    assert!(!grant.is_live(&SECRET, 3 * GRANT_LASTS));
    assert!(matches!(grant.refresh(BEARER, 2, 3 * month), Err(GrantError::Expired(_))));
}

#[test]
fn parallel_refreshes_get_the_same_token() {
    let mut grant = live();
    for _ in 0..100 {
        assert_eq!(grant.refresh(BEARER, 0, 2_000_000), Ok(1));
    }
    assert_eq!(grant.refresh(BEARER, 0, 2_010_000), Ok(1));
}

#[test]
fn a_token_that_comes_after_its_time_or_after_its_successor_ends_the_grant() {
    let mut late = live();
    assert_eq!(late.refresh(BEARER, 0, 2_000_000), Ok(1));
    assert!(matches!(late.refresh(BEARER, 0, 2_010_001), Err(GrantError::Replayed(_))));
    let mut used = live();
    assert_eq!(used.refresh(BEARER, 0, 2_000_000), Ok(1));
    assert_eq!(used.refresh(BEARER, 1, 2_000_001), Ok(2));
    assert!(matches!(used.refresh(BEARER, 0, 2_000_002), Err(GrantError::Replayed(_))));
}

#[test]
fn a_refresh_of_another_client_changes_nothing() {
    let mut grant = live();
    let before = grant.clone();
    let foreign = Bearer { client: &[5; 32], ..BEARER };
    assert!(matches!(grant.refresh(foreign, 0, 2_000_000), Err(GrantError::Invalid(_))));
    assert_eq!(grant, before);
}

#[test]
fn a_grant_is_read_as_it_was_written() {
    for grant in [grant(), live()] {
        assert_eq!(Grant::from_json(&grant.to_json()), Some(grant.clone()));
        assert_eq!(GrantTerms::from_json(&grant.terms.to_json()), Some(grant.terms));
    }
    assert_eq!(Grant::from_json("{}"), None);
}

/// Sequences of refreshes: the generation of the token, and the time since the refresh before.
fn comes() -> impl Strategy<Value = Vec<(u32, u64)>> {
    prop::collection::vec((0..6_u32, 0..15_000_u64), 0..30)
}

proptest! {
    #[test]
    fn whatever_comes_only_the_newest_two_are_good(comes in comes()) {
        let mut grant = live();
        let (mut now, mut newest, mut since) = (1_000_000_u64, 0_u32, 1_000_000);
        for (brought, pause) in comes {
            now = now.saturating_add(pause);
            match grant.refresh(BEARER, brought, now) {
                Ok(given) => {
                    prop_assert_eq!(Some(brought), given.checked_sub(1));
                    if given == newest {
                        prop_assert!(now.saturating_sub(since) <= GRACE_MS);
                    } else {
                        prop_assert_eq!(Some(newest), given.checked_sub(1));
                        since = now;
                    }
                    newest = given;
                    grant = Grant::from_json(&grant.to_json()).unwrap();
                }
                Err(refused) => {
                    prop_assert!(matches!(refused, GrantError::Replayed(_)));
                    prop_assert!(brought != newest);
                    return Ok(());
                }
            }
        }
    }
}
