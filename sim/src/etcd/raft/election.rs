//! Pre-votes, votes, campaigns.

use super::{Body, MemberId, NOBODY, Payload, Raft, Role};

/// Why a member stands for election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Campaign {
    /// It only asks whether it would win.
    PreElection,
    Election,
    /// The leader wants it.
    Transfer,
}

impl<D: Clone> Raft<D> {
    /// The leader has been silent for too long.
    pub(super) fn hup(&mut self) {
        if self.may_campaign() {
            self.campaign(Campaign::PreElection);
        }
    }

    /// Stands for election without waiting for silence: the only voter of a group need not ask anybody.
    pub fn campaign_now(&mut self) {
        self.hup();
    }

    pub(super) fn campaign_for_transfer(&mut self) {
        if self.may_campaign() {
            self.campaign(Campaign::Transfer);
        }
    }

    /// Who has not applied a committed change of the membership does not know who votes.
    fn may_campaign(&self) -> bool {
        !self.is_leader() && self.is_promotable() && !self.log.unapplied().any(|entry| matches!(entry.payload, Payload::Conf(..)))
    }

    fn campaign(&mut self, campaign: Campaign) {
        let term = self.term + 1;
        if campaign == Campaign::PreElection {
            // A pre-candidate changes nothing that others could see, neither its term nor its vote.
            self.votes.clear();
            self.lead = NOBODY;
            self.role = Role::PreCandidate;
        } else {
            self.reset(term);
            self.vote = self.id;
            self.role = Role::Candidate;
        }
        if self.poll(self.id, true) == Some(true) {
            self.won();
            return;
        }
        let (last_index, last_term) = (self.log.last_index(), self.log.last_term());
        let others: Vec<MemberId> = self.conf.voters.iter().copied().filter(|id| *id != self.id).collect();
        for to in others {
            let body = match campaign {
                Campaign::PreElection => Body::PreVote { last_index, last_term },
                Campaign::Election => Body::Vote { last_index, last_term, transfer: false },
                Campaign::Transfer => Body::Vote { last_index, last_term, transfer: true },
            };
            self.send_in(term, to, body);
        }
    }

    /// Another member wants a vote, or asks whether it would get it.
    pub(super) fn on_vote(&mut self, from: MemberId, term: u64, last_index: u64, last_term: u64, pre: bool) {
        let may = self.vote == from || (self.vote == NOBODY && self.lead == NOBODY) || (pre && term > self.term);
        let granted = may && self.log.is_up_to_date(last_index, last_term);
        let (in_term, reject) = if granted { (term, false) } else { (self.term, true) };
        let body = if pre { Body::PreVoteResp { reject } } else { Body::VoteResp { reject } };
        self.send_in(in_term, from, body);
        if granted && !pre {
            self.election_elapsed = 0;
            self.vote = from;
        }
    }

    pub(super) fn on_vote_resp(&mut self, from: MemberId, granted: bool) {
        match self.poll(from, granted) {
            Some(true) => self.won(),
            // Lost: it waits for whoever wins. In its own term, for a pre-candidate's is nobody's.
            Some(false) => self.become_follower(self.term, NOBODY),
            None => {}
        }
    }

    fn won(&mut self) {
        if self.role == Role::PreCandidate {
            self.campaign(Campaign::Election);
        } else {
            self.become_leader();
        }
    }

    /// Counts a vote: whether the election is won or lost, or `None` while it is open.
    fn poll(&mut self, from: MemberId, granted: bool) -> Option<bool> {
        self.votes.entry(from).or_insert(granted);
        let count = |wanted| self.votes.iter().filter(|(id, vote)| **vote == wanted && self.conf.voters.contains(id)).count();
        let (yes, no) = (count(true), count(false));
        if self.conf.is_quorum(yes) {
            return Some(true);
        }
        (!self.conf.is_quorum(self.conf.voters.len() - no)).then_some(false)
    }
}
