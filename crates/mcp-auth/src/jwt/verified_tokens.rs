//! Tokens whose signature an isolate has verified with a public key, which costs more than all else.
//!
//! Invariant: bounded, values only. What is kept is that the issuer signed this very text; its claims
//! are checked each time. After a minute its key is looked for again: it may have been withdrawn.

use sha2::{Digest as _, Sha256};

use super::Token;

/// Tokens that one isolate remembers.
const MAX_TOKENS: usize = 500;
/// For how long, in seconds.
const GOOD_FOR: u64 = 60;

/// An isolate's cache: digests, and when they were verified.
#[derive(Debug, Default)]
pub struct VerifiedTokens(Vec<([u8; 32], u64)>);

impl VerifiedTokens {
    /// Whether the signature is known to be right.
    pub fn contains(&self, token: &Token, now_s: u64) -> bool {
        let digest = digest(token);
        let known = self.0.iter().find(|(known, _)| *known == digest);
        known.is_some_and(|(_, at)| now_s.abs_diff(*at) < GOOD_FOR)
    }

    /// Notes that it is. The oldest of too many makes room.
    pub fn note(&mut self, token: &Token, now_s: u64) {
        let digest = digest(token);
        self.0.retain(|(known, at)| now_s.abs_diff(*at) < GOOD_FOR && *known != digest);
        if self.0.len() >= MAX_TOKENS {
            self.0.remove(0);
        }
        self.0.push((digest, now_s));
    }
}

fn digest(token: &Token) -> [u8; 32] {
    let signed = Sha256::new_with_prefix(&token.signed);
    signed.chain_update(".").chain_update(&token.signature).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Algorithm, Claims},
        *,
    };

    fn token(signed: &str, signature: &str) -> Token {
        Token {
            algorithm: Algorithm::Es256,
            key_id: None,
            signed: signed.into(),
            signature: signature.into(),
            claims: Claims::default(),
        }
    }

    #[test]
    fn a_token_is_known_for_a_minute_and_no_other() {
        let mut verified = VerifiedTokens::default();
        verified.note(&token("a.b", "s"), 1_000);
        assert!(verified.contains(&token("a.b", "s"), 1_059));
        assert!(!verified.contains(&token("a.b", "s"), 1_060));
        assert!(!verified.contains(&token("a.b", "t"), 1_000));
        assert!(!verified.contains(&token("a.c", "s"), 1_000));
    }

    #[test]
    fn the_oldest_of_too_many_is_forgotten() {
        let mut verified = VerifiedTokens::default();
        for number in 0..=MAX_TOKENS {
            verified.note(&token(&number.to_string(), ""), 1_000);
        }
        assert_eq!(verified.0.len(), MAX_TOKENS);
        let knows = |number: usize| verified.contains(&token(&number.to_string(), ""), 1_000);
        assert_eq!((knows(0), knows(1), knows(MAX_TOKENS)), (false, true, true));
        verified.note(&token("later", ""), 1_060);
        assert_eq!(verified.0.len(), 1);
    }
}
