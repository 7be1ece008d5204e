//! Outcomes as a table for people.

use super::Outcome;

const HEADINGS: [&str; 8] =
    ["mode", "", "", "made", "spread over backends", "drain broke", "kill broke", "newcomers kept out"];

/// A line for each outcome, below headings, in columns.
pub fn table(outcomes: &[Outcome]) -> String {
    let rows: Vec<[String; 8]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(outcomes.iter().map(cells)).collect();
    let widths: [usize; 8] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0..3 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn cells(outcome: &Outcome) -> [String; 8] {
    let path = outcome.path;
    let shared = path.mode.has_backends();
    let only = |cell: String| if shared { cell } else { "–".to_owned() };
    let counts: Vec<_> = outcome.spread.values().map(usize::to_string).collect();
    [
        path.mode.to_string(),
        path.transport.to_string(),
        path.family.to_string(),
        outcome.made.to_string(),
        if shared { counts.join(" + ") } else { "the node itself".to_owned() },
        only(outcome.broken_by_drain.to_string()),
        only(match outcome.broken_with_the_living {
            0 => format!("{}, its own", outcome.broken_with_the_dead),
            others => format!("{}, and {others} of others", outcome.broken_with_the_dead),
        }),
        only(format!("{} ms", outcome.kept_out_millis)),
    ]
}
