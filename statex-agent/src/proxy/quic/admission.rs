//! Whether a new connection is taken, and whether its client must first prove its address: pure.

/// When clients must prove their address (RFC 9000 §8.1.2) before anything is done for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Retry {
    /// When many handshakes are under way, as in a flood.
    #[default]
    Auto,
    /// Always: a round trip more for everybody.
    Always,
    Never,
}

/// Handshakes under way, of one worker, from which on [`Retry::Auto`] asks.
const MANY: usize = 64;

/// What a worker has on its hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) connections: usize,
    /// Of these, those whose handshake is not complete.
    pub(super) handshakes: usize,
}

/// What is known of one that wants to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comer {
    pub(super) has_proved_its_address: bool,
    /// A Retry is possible: it has not had one.
    pub(super) may_retry: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accept,
    Retry,
    /// With CONNECTION_REFUSED.
    Refuse,
}

/// Decides; `most` is how many connections a worker has at once.
pub(super) fn decide(policy: Retry, most: usize, load: Load, comer: Comer) -> Answer {
    let asks = match policy {
        Retry::Always => true,
        Retry::Never => false,
        Retry::Auto => load.handshakes >= MANY,
    };
    match comer {
        // Who may have forged its address gets no answer that is larger than what it sent.
        _ if asks && !comer.has_proved_its_address && comer.may_retry => Answer::Retry,
        _ if load.connections >= most => Answer::Refuse,
        _ => Answer::Accept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: Comer = Comer { has_proved_its_address: false, may_retry: true };
    const PROVED: Comer = Comer { has_proved_its_address: true, may_retry: false };

    fn with(handshakes: usize) -> Load {
        Load { connections: handshakes + 10, handshakes }
    }

    #[test]
    fn under_pressure_strangers_prove_their_address() {
        assert_eq!(decide(Retry::Auto, 1000, with(MANY - 1), STRANGER), Answer::Accept);
        assert_eq!(decide(Retry::Auto, 1000, with(MANY), STRANGER), Answer::Retry);
        assert_eq!(decide(Retry::Auto, 1000, with(MANY), PROVED), Answer::Accept);
    }

    #[test]
    fn always_and_never_are_so() {
        assert_eq!(decide(Retry::Always, 1000, with(0), STRANGER), Answer::Retry);
        assert_eq!(decide(Retry::Always, 1000, with(0), PROVED), Answer::Accept);
        assert_eq!(decide(Retry::Never, 1000, with(900), STRANGER), Answer::Accept);
    }

    #[test]
    fn a_full_worker_refuses() {
        assert_eq!(decide(Retry::Never, 10, with(0), STRANGER), Answer::Refuse);
        assert_eq!(decide(Retry::Always, 10, with(0), PROVED), Answer::Refuse);
    }
}
