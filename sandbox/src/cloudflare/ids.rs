//! Ids that look like Cloudflare's and are the same in every run.

/// A source of ids.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    last: u64,
}

impl Ids {
    /// 32 hexadecimal digits, as accounts, zones, namespaces and queues have.
    pub(crate) fn hex(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// 64 hexadecimal digits, as Durable Objects have.
    pub(crate) fn long_hex(&mut self) -> String {
        format!("{}{}", self.hex(), self.hex())
    }

    /// A version 4 UUID, as databases, versions, deployments and policies have.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (u128::from(self.next()), u128::from(self.next()));
        let bytes = ((high << 64) | low).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// The next number of a sequence without visible order (splitmix64).
    fn next(&mut self) -> u64 {
        self.last = self.last.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.last ^ (self.last >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Whether a text is 32 hexadecimal digits.
pub(crate) fn is_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A digest of bytes as 32 hexadecimal digits, for etags. It is no MD5.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mix = |seed: u64| {
        bytes
            .iter()
            .fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    format!("{:016x}{:016x}", mix(0xcbf2_9ce4_8422_2325), mix(0x9ae1_6a3b_2f90_404f))
}
