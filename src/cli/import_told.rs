//! How is it told what an import does, or would do?

use crate::audit::export::quoted;
use crate::moving::plan::{Counts, Plan, Summary, Told};
use crate::signin::preview::Obstacle;

/// The most lines of one kind.
const SHOWN: usize = 50;

/// Tells it in plain lines.
pub(super) fn tell(summary: &Summary, would: bool) {
    println!("{}", if would { "What would happen; nothing is done." } else { "What happens:" });
    counted("groups", summary.groups);
    counted("roles", summary.roles);
    counted("users", summary.users);
    if summary.apps != Counts::default() {
        counted("apps", summary.apps);
    }
    told("of those cannot sign in there either", summary.disabled);
    told("were deleted there and do not come", summary.deleted_there);
    told("came before and are no longer in the file: they stay as they are", summary.missing);
    list(
        "Left out",
        summary.left_out.iter().map(|out| format!("line {}: {}: {}", out.line, out.login, out.reason)),
    );
    list(
        "Into groups that are here already, and are not from this source",
        summary.joined.iter().map(|(path, people)| format!("{path}: {people} people")),
    );
    list("Not able to sign in, as a code is asked for and none could reach them: give them an email", {
        let why = |obstacle| match obstacle {
            Obstacle::NoAddress => "no email",
            Obstacle::Undelivered => "mail does not arrive",
            Obstacle::CodesStopped => "codes are stopped",
        };
        summary.locked_out.iter().map(move |out| format!("{}: {}", out.login, why(out.why)))
    });
    list(
        "Without a password: they choose one by a link (--invite mails it, `countersign user link LOGIN` gives it)",
        summary.invited.iter().cloned(),
    );
    list("A code is asked for in", summary.two_factor.iter().cloned());
    list(
        "Without a code all the same (override_2fa)",
        summary.override_2fa.iter().map(|holder| {
            let group = holder.group.as_deref().unwrap_or("the whole site");
            format!("{}: {} in {group}", holder.login, holder.role)
        }),
    );
    list(
        "Rights that count here",
        summary.rights.iter().map(|(role, rights)| {
            format!("{role}: {}", if rights.is_empty() { "none".to_owned() } else { rights.join(" ") })
        }),
    );
    list("Changed there and here: it stays as it is here", summary.kept.iter().cloned());
    list(
        "To be looked at",
        summary.notes.iter().map(|note| match note.line {
            Some(line) => format!("line {line}: {}", note.text),
            None => note.text.clone(),
        }),
    );
}

/// Tells it as a table (RFC 4180), somebody in each line.
pub(super) fn table(plan: &Plan) {
    println!("line,login,what,reason,would_be_locked_out\r");
    for Told { line, login, what, reason, locked_out } in plan.told() {
        let out = if locked_out { "yes" } else { "no" };
        println!("{line},{},{what},{},{out}\r", quoted(&login), quoted(&reason));
    }
}

fn counted(what: &str, counts: Counts) {
    println!("{what}: {} new, {} changed, {} as they are", counts.new, counts.changed, counts.unchanged);
}

fn told(what: &str, count: u64) {
    if count > 0 {
        println!("{count} {what}");
    }
}

fn list(title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    println!("{title} ({}):", lines.len());
    for line in lines.iter().take(SHOWN) {
        println!("  {line}");
    }
    if lines.len() > SHOWN {
        println!("  … and {} more (--json names them all)", lines.len() - SHOWN);
    }
}
