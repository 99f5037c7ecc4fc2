//! Secrets and nonces of one hub, drawn from its random seed, and the tickets that open a page.

use std::collections::BTreeMap;

use ikpdb_proto::proof::{Role, prove, unhex};

/// How long a ticket is good for, in milliseconds.
const TICKET_MS: u64 = 60_000;

/// How many tickets are kept, used ones included, so that a used one can be told from a wrong one.
const TICKETS: usize = 256;

/// The source of everything that must not be guessed.
pub(crate) struct Secrets {
    seed: [u8; 32],
    drawn: u64,
    tickets: BTreeMap<String, Ticket>,
}

struct Ticket {
    secret: [u8; 32],
    made: u64,
    used: bool,
}

/// Why a ticket opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadTicket {
    Unknown,
    Used,
    Expired,
}

impl Secrets {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0, tickets: BTreeMap::new() }
    }

    /// 32 bytes that nobody can guess and nobody has seen.
    pub(crate) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        // HMAC-SHA256 over a counter under a random key; the key serves nothing else.
        let digits = prove(&self.seed, Role::Hub, "drawn", &self.drawn.to_string());
        unhex(&digits).and_then(|bytes| bytes.try_into().ok()).expect("a proof is 64 hex digits")
    }

    /// A new ticket: its public half and its secret one.
    pub(crate) fn ticket(&mut self, now: u64) -> (String, [u8; 32]) {
        let id = ikpdb_proto::proof::hex(&self.draw()[..16]);
        let secret = self.draw();
        if self.tickets.len() >= TICKETS {
            let oldest = self.tickets.iter().min_by_key(|(_, it)| it.made).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.tickets.remove(&id));
        }
        self.tickets.insert(id.clone(), Ticket { secret, made: now, used: false });
        (id, secret)
    }

    /// The secret half of a ticket that is still good.
    pub(crate) fn look(&self, id: &str, now: u64) -> Result<[u8; 32], BadTicket> {
        match self.tickets.get(id) {
            None => Err(BadTicket::Unknown),
            Some(ticket) if ticket.used => Err(BadTicket::Used),
            Some(ticket) if now.saturating_sub(ticket.made) >= TICKET_MS => Err(BadTicket::Expired),
            Some(ticket) => Ok(ticket.secret),
        }
    }

    /// Takes a ticket for good.
    pub(crate) fn spend(&mut self, id: &str, now: u64) -> Result<(), BadTicket> {
        self.look(id, now)?;
        if let Some(ticket) = self.tickets.get_mut(id) {
            ticket.used = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_twice_and_two_seeds_share_nothing() {
        let mut one = Secrets::new([1; 32]);
        let mut two = Secrets::new([2; 32]);
        let drawn: std::collections::BTreeSet<_> = (0..100).flat_map(|_| [one.draw(), two.draw()]).collect();
        assert_eq!(drawn.len(), 200);
    }

    #[test]
    fn a_ticket_opens_once_and_for_a_minute() {
        let mut secrets = Secrets::new([1; 32]);
        let (id, secret) = secrets.ticket(1000);
        assert_eq!(secrets.look(&id, 60_999), Ok(secret));
        assert_eq!(secrets.look(&id, 61_000), Err(BadTicket::Expired));
        assert_eq!(secrets.spend(&id, 2000), Ok(()));
        assert_eq!(secrets.spend(&id, 2000), Err(BadTicket::Used));
        assert_eq!(secrets.look("00", 2000), Err(BadTicket::Unknown));
    }

    #[test]
    fn tickets_do_not_pile_up() {
        let mut secrets = Secrets::new([1; 32]);
        let (first, _) = secrets.ticket(0);
        for i in 1..=TICKETS as u64 {
            secrets.ticket(i);
        }
        assert_eq!(secrets.tickets.len(), TICKETS);
        assert_eq!(secrets.look(&first, 10), Err(BadTicket::Unknown));
    }
}
