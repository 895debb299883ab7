//! Why a socket is closed, and what the device does then.
//!
//! Codes from 4000 on are those of applications (RFC 6455 §7.4.2); the last digits are those of the HTTP status with the same
//! meaning.

/// Why the object closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// A newer socket of the same installation has taken its place.
    Superseded,
    /// A message broke a rule of the protocol.
    Protocol,
    /// The certificate or the signature is not accepted.
    Unauthenticated,
    /// The device was revoked.
    Revoked,
    /// The handshake took too long.
    HandshakeTimeout,
    /// Another installation connected with the same identity: one is a clone.
    Conflict,
    /// There is no common version of the protocol.
    Version,
    /// The device sends more than it may.
    TooMuch,
}

/// What a device does after a socket has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// Connect again within two seconds, and then as [`Self::Reconnect`].
    ReconnectSoon,
    /// Connect again, each time after a longer wait.
    Reconnect,
    /// Renew the certificate; connect again with the new one, and stop without.
    Renew,
    /// Nothing: another socket of this agent has taken its place.
    Leave,
    /// Stop, and say why: a person must act.
    Stop(StopReason),
}

/// What a person must do before a device connects again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It was revoked: enrol it again.
    Revoked,
    /// It is a clone, or has one: enrol the copy.
    Conflict,
    /// The agent is too old or too new: update it.
    Version,
}

impl CloseCode {
    const ALL: [Self; 8] = [
        Self::Superseded,
        Self::Protocol,
        Self::Unauthenticated,
        Self::Revoked,
        Self::HandshakeTimeout,
        Self::Conflict,
        Self::Version,
        Self::TooMuch,
    ];

    /// The code on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Superseded => 4000,
            Self::Protocol => 4400,
            Self::Unauthenticated => 4401,
            Self::Revoked => 4403,
            Self::HandshakeTimeout => 4408,
            Self::Conflict => 4409,
            Self::Version => 4426,
            Self::TooMuch => 4429,
        }
    }

    /// Reads a code.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|close| close.code() == code)
    }

    fn after(self) -> AfterClose {
        match self {
            Self::Superseded => AfterClose::Leave,
            Self::Protocol | Self::HandshakeTimeout | Self::TooMuch => AfterClose::Reconnect,
            Self::Unauthenticated => AfterClose::Renew,
            Self::Revoked => AfterClose::Stop(StopReason::Revoked),
            Self::Conflict => AfterClose::Stop(StopReason::Conflict),
            Self::Version => AfterClose::Stop(StopReason::Version),
        }
    }
}

impl AfterClose {
    /// After a socket was closed with this code.
    pub fn of_code(code: u16) -> Self {
        match code {
            // Going away, and service restart: a deployment.
            1001 | 1012 => Self::ReconnectSoon,
            code => CloseCode::from_code(code).map_or(Self::Reconnect, CloseCode::after),
        }
    }

    /// After a connection was refused with this HTTP status. `Retry-After` is honoured besides.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Renew,
            403 => Self::Stop(StopReason::Revoked),
            409 => Self::Stop(StopReason::Conflict),
            426 => Self::Stop(StopReason::Version),
            _ => Self::Reconnect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_was_sent() {
        for close in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(close.code()), Some(close));
        }
        assert_eq!(CloseCode::from_code(1000), None);
    }

    #[test]
    fn a_device_stops_only_where_a_person_must_act() {
        for (code, after) in [
            (1000, AfterClose::Reconnect),
            (1001, AfterClose::ReconnectSoon),
            (1006, AfterClose::Reconnect),
            (1009, AfterClose::Reconnect),
            (1011, AfterClose::Reconnect),
            (1012, AfterClose::ReconnectSoon),
            (4000, AfterClose::Leave),
            (4401, AfterClose::Renew),
            (4403, AfterClose::Stop(StopReason::Revoked)),
            (4409, AfterClose::Stop(StopReason::Conflict)),
            (4426, AfterClose::Stop(StopReason::Version)),
            (4999, AfterClose::Reconnect),
        ] {
            assert_eq!(AfterClose::of_code(code), after, "{code}");
        }
        for status in [200, 404, 429, 500, 503] {
            assert_eq!(AfterClose::of_status(status), AfterClose::Reconnect, "{status}");
        }
    }
}
