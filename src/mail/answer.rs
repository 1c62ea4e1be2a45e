//! What does a mail server's answer mean to somebody who runs no mail server? A pure reading of the words in the delivery record, our own
//! among them; the words themselves are shown beside it.

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// There is no such mailbox.
    NoMailbox,
    /// The mailbox is full.
    Full,
    /// What we send is taken for spam, or against somebody's rules.
    Blocked,
    /// Not now: later, perhaps.
    Later,
    /// The server does not let us send from our address.
    NotForUs,
    /// The server does not send on what is not for its own people.
    Relay,
    /// The server does not take our login, or wants one.
    Login,
    /// No protected connection comes about.
    Tls,
    /// No mail server answers there.
    NoServer,
    /// The server lets us not even in.
    SentAway,
    /// The server took too long, or broke off.
    Silent,
    /// Nobody has said how mail leaves.
    NotSetUp,
    /// The message would have come too late.
    TooLate,
    /// None of these.
    Other,
}

/// What shows that something which the mail server said is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It lets us in.
    LetIn,
    /// It takes a message, whosever.
    Taken,
    /// It takes a message to an address of the same domain.
    TakenThere,
    /// Nothing but a message that arrives at the very address: it was about that.
    None,
}

/// What our own words mean that a record may hold, by a part of them.
const OURS: [(&str, Meaning); 19] = [
    ("mail.transport is none", Meaning::NotSetUp),
    ("it would have come too late", Meaning::TooLate),
    ("leads to no address", Meaning::NoServer),
    ("no mail server listens at", Meaning::NoServer),
    ("the mail server cannot be reached", Meaning::NoServer),
    ("the mail server does not take our sender", Meaning::NotForUs),
    ("the TLS certificate of", Meaning::Tls),
    ("does not speak TLS", Meaning::Tls),
    ("broke off while TLS began", Meaning::Tls),
    ("TLS cannot be started", Meaning::Tls),
    ("does not begin TLS", Meaning::Tls),
    ("before TLS began", Meaning::Tls),
    ("(mail.encryption", Meaning::Tls),
    ("(mail.username", Meaning::Login),
    ("while we logged in", Meaning::Silent),
    ("the mail server took more than", Meaning::Silent),
    ("the mail server sends us away", Meaning::SentAway),
    ("the mail server hung up", Meaning::Silent),
    ("the mail server broke off", Meaning::Silent),
];

/// What servers say beside their codes, in lower case: many send a code that says less.
const THEIRS: [(&str, Meaning); 14] = [
    ("relay", Meaning::Relay),
    ("sender address rejected", Meaning::NotForUs),
    ("not owned by user", Meaning::NotForUs),
    ("send as", Meaning::NotForUs),
    ("greylist", Meaning::Later),
    ("graylist", Meaning::Later),
    ("quota", Meaning::Full),
    ("mailbox full", Meaning::Full),
    ("mailbox is full", Meaning::Full),
    ("spam", Meaning::Blocked),
    ("blocked", Meaning::Blocked),
    ("blacklist", Meaning::Blocked),
    ("blocklist", Meaning::Blocked),
    ("user unknown", Meaning::NoMailbox),
];

/// What our own words begin with where it is one setting alone that they are about.
const OPENINGS: [&str; 6] =
    ["mail.host", "mail.from", "mail.encryption", "mail.dir", "mail.transport is none", "outbound.extra_ca"];

impl Meaning {
    /// Reads an answer as the delivery record holds it.
    #[must_use]
    pub fn of(answer: &str) -> Self {
        // Their words may follow ours, and may be anything: ours come first.
        if let Some((_, meaning)) = OURS.iter().find(|(part, _)| answer.contains(part)) {
            return *meaning;
        }
        let Some((code, words)) = answer.split_at_checked(3) else { return Self::Other };
        let Ok(code) = code.parse::<u16>() else { return Self::Other };
        let words = words.trim_start().to_lowercase();
        if let Some((_, meaning)) = THEIRS.iter().find(|(part, _)| words.contains(part)) {
            return *meaning;
        }
        match enhanced(&words) {
            Some(status) => by_status(status, code),
            None => by_code(code),
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMailbox => "no-mailbox",
            Self::Full => "full",
            Self::Blocked => "blocked",
            Self::Later => "later",
            Self::NotForUs => "not-for-us",
            Self::Relay => "relay",
            Self::Login => "login",
            Self::Tls => "tls",
            Self::NoServer => "no-server",
            Self::SentAway => "sent-away",
            Self::Silent => "silent",
            Self::NotSetUp => "not-set-up",
            Self::TooLate => "too-late",
            Self::Other => "other",
        }
    }

    /// Whether no other message would fare better: it is about our mail server, and not about one mailbox.
    #[must_use]
    pub const fn concerns_all(self) -> bool {
        !matches!(self.ends_with(), Proof::None)
    }

    /// What shows that it is over, for all whom it has concerned.
    #[must_use]
    pub const fn ends_with(self) -> Proof {
        match self {
            Self::Login | Self::Tls | Self::NoServer | Self::SentAway | Self::Silent | Self::NotSetUp => {
                Proof::LetIn
            }
            Self::NotForUs => Proof::Taken,
            Self::Relay => Proof::TakenThere,
            Self::NoMailbox | Self::Full | Self::Blocked | Self::Later | Self::TooLate | Self::Other => {
                Proof::None
            }
        }
    }
}

/// An answer for whoever has no file of settings before them: in our own words settings are named, for whoever runs the provider.
#[must_use]
pub fn without_settings(answer: &str) -> String {
    let mut rest = match answer.split_once(": ") {
        Some((setting, rest)) if OPENINGS.contains(&setting) => rest,
        _ => answer,
    };
    for advice in [". Look at mail.", ". It must not have run out, mail."] {
        rest = rest.split_once(advice).map_or(rest, |(said, _)| said);
    }
    let mut said = String::with_capacity(rest.len());
    while let Some((before, named)) = rest.split_once(" (mail.")
        && let Some((_, after)) = named.split_once(')')
    {
        said.push_str(before);
        rest = after;
    }
    said + rest
}

/// The status code of RFC 3463 that an answer begins with: `5.1.1`.
fn enhanced(words: &str) -> Option<[u16; 3]> {
    let mut parts = words.split_whitespace().next()?.splitn(3, '.');
    let mut part = || parts.next()?.parse::<u16>().ok();
    Some([part()?, part()?, part()?])
}

/// RFC 3463 §3.
const fn by_status(status: [u16; 3], code: u16) -> Meaning {
    match status {
        [_, 1, 7 | 8] | [5, 7, 60] => Meaning::NotForUs,
        [_, 1, _] | [_, 2, 1] => Meaning::NoMailbox,
        [_, 2, 2] => Meaning::Full,
        [4, _, _] => Meaning::Later,
        [_, 7, 8 | 9 | 14] => Meaning::Login,
        [_, 7, _] => Meaning::Blocked,
        _ => by_code(code),
    }
}

/// RFC 5321 §4.2.3.
const fn by_code(code: u16) -> Meaning {
    match code {
        552 => Meaning::Full,
        550 | 551 | 553 => Meaning::NoMailbox,
        530 | 534 | 535 => Meaning::Login,
        554 => Meaning::Blocked,
        400..=499 => Meaning::Later,
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_file_of_settings_reads_no_names_of_settings() {
        for (answer, told) in [
            ("550 5.1.1 no such mailbox", "550 5.1.1 no such mailbox"),
            (
                "connection refused: no mail server listens at mail.example.org, port 587 (mail.host, mail.port)",
                "connection refused: no mail server listens at mail.example.org, port 587",
            ),
            (
                "the mail server cannot be reached at x, port 25 (mail.host, mail.port): no route to host",
                "the mail server cannot be reached at x, port 25: no route to host",
            ),
            (
                "mail.host: the name x leads to no address: not known",
                "the name x leads to no address: not known",
            ),
            ("mail.transport is none: no mail leaves this provider", "no mail leaves this provider"),
            (
                "mail.example.org does not speak TLS with us: wrong version number. Look at mail.port, whether mail.encryption is to be tls",
                "mail.example.org does not speak TLS with us: wrong version number",
            ),
            (
                "the TLS certificate of x is not believed: expired. It must not have run out, mail.host must be a name in it",
                "the TLS certificate of x is not believed: expired",
            ),
            (
                "530 5.7.0 Authentication required (mail.username, mail.password)",
                "530 5.7.0 Authentication required",
            ),
            ("550 (mail.host", "550 (mail.host"),
            (
                "the mail server does not take our sender: 553 5.7.1 sender not allowed (mail.from)",
                "the mail server does not take our sender: 553 5.7.1 sender not allowed",
            ),
            ("outbound.extra_ca: /etc/ca.pem: no such file", "/etc/ca.pem: no such file"),
        ] {
            assert_eq!(without_settings(answer), told);
        }
    }

    #[test]
    fn what_servers_say_in_words_of_ours() {
        for (answer, meaning) in [
            ("550 5.1.1 <nia@example.org>: Recipient address rejected: User unknown", Meaning::NoMailbox),
            ("550 no such mailbox", Meaning::NoMailbox),
            ("553 5.1.3 bad address", Meaning::NoMailbox),
            ("550 5.2.1 The email account is disabled", Meaning::NoMailbox),
            ("452 4.2.2 Mailbox full", Meaning::Full),
            ("552 the user has exceeded their quota", Meaning::Full),
            ("450 4.7.1 Greylisted, come back in 5 minutes", Meaning::Later),
            ("451 try again later", Meaning::Later),
            ("421 4.7.0 too many connections", Meaning::Later),
            ("550 5.7.1 This message looks like spam", Meaning::Blocked),
            ("554 no", Meaning::Blocked),
            ("550 5.7.26 not authenticated by SPF", Meaning::Blocked),
            ("554 5.7.1 <x>: Relay access denied", Meaning::Relay),
            ("550 5.1.8 sender's domain does not exist", Meaning::NotForUs),
            ("550 5.7.60 SMTP; Client does not have permissions to send as this sender", Meaning::NotForUs),
            (
                "the mail server does not take our sender: 553 5.7.1 sender not allowed (mail.from)",
                Meaning::NotForUs,
            ),
            ("530 5.7.0 Authentication required (mail.username, mail.password)", Meaning::Login),
            (
                "the mail server does not take our login: 535 5.7.8 no (mail.username, mail.password)",
                Meaning::Login,
            ),
            ("538 5.7.11 Must issue a STARTTLS command first (mail.encryption)", Meaning::Tls),
            (
                "mail.example.org does not speak TLS with us: wrong version number. Look at mail.port",
                Meaning::Tls,
            ),
            (
                "connection refused: no mail server listens at 127.0.0.1, port 9 (mail.host, mail.port)",
                Meaning::NoServer,
            ),
            ("mail.host: the name mail.invalid leads to no address: not known", Meaning::NoServer),
            ("the mail server took more than 15 s", Meaning::Silent),
            ("the mail server sends us away: 554 no spam", Meaning::SentAway),
            ("the mail server sends us away: 421 4.7.0 too many connections", Meaning::SentAway),
            ("mail.transport is none: no mail leaves this provider", Meaning::NotSetUp),
            ("it would have come too late", Meaning::TooLate),
            ("", Meaning::Other),
            ("55", Meaning::Other),
            ("ööö", Meaning::Other),
            ("599 5.x.1 what", Meaning::Other),
        ] {
            assert_eq!(Meaning::of(answer), meaning, "{answer}");
        }
    }

    #[test]
    fn what_concerns_one_mailbox_concerns_no_other() {
        for meaning in [Meaning::NoMailbox, Meaning::Full, Meaning::Blocked, Meaning::Later, Meaning::Other] {
            assert!(!meaning.concerns_all(), "{meaning:?}");
        }
        assert!(Meaning::NoServer.concerns_all() && Meaning::Login.concerns_all());
    }
}
