//! Draws hours in a terminal: values as dots, the forecast as a line, its band as a shade.

/// Lines of the picture.
const HEIGHT: usize = 14;
/// Columns of an hour.
const WIDTH: usize = 3;

/// Lines of text for hours of value, if it is known, expected value, and band.
pub(super) fn plot(hours: &[(Option<f64>, f64, [f64; 2])]) -> Vec<String> {
    let shown = hours.iter().flat_map(|(value, expected, band)| [*expected, band[1], value.unwrap_or(0.0)]);
    let top = shown.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let row = |value: f64| ((value / top) * (HEIGHT - 1) as f64).round() as usize;
    let mut lines: Vec<String> = (0..HEIGHT)
        .rev()
        .map(|line| {
            let cell = |(value, expected, band): &(Option<f64>, f64, [f64; 2])| {
                let mark = if value.is_some_and(|value| row(value) == line) {
                    " ● "
                } else if row(*expected) == line {
                    "───"
                } else if (row(band[0])..=row(band[1])).contains(&line) {
                    "░░░"
                } else {
                    "   "
                };
                mark.to_owned()
            };
            let label = if line % 4 == 0 || line == HEIGHT - 1 {
                short(top * line as f64 / (HEIGHT - 1) as f64)
            } else {
                String::new()
            };
            format!("{label:>8} │{}", hours.iter().map(cell).collect::<String>().trim_end())
        })
        .collect();
    lines.push(format!("{:>8} └{}", "", "─".repeat(hours.len() * WIDTH)));
    lines
}

/// A number in few characters: 1234567 as 1.23M.
fn short(value: f64) -> String {
    let (factor, suffix) = match value {
        value if value >= 1e9 => (1e-9, "G"),
        value if value >= 1e6 => (1e-6, "M"),
        value if value >= 1e4 => (1e-3, "k"),
        _ => (1.0, ""),
    };
    let value = value * factor;
    match value {
        value if value >= 100.0 || value == 0.0 => format!("{value:.0}{suffix}"),
        value if value >= 10.0 => format!("{value:.1}{suffix}"),
        _ => format!("{value:.2}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_line_and_band_stand_at_their_height() {
        let lines = plot(&[(Some(13.0), 6.0, [3.0, 9.0]), (None, 13.0, [13.0, 13.0])]);
        assert_eq!(lines.len(), HEIGHT + 1);
        assert!(lines[0].ends_with("│ ● ───"), "{lines:?}");
        assert!(lines[HEIGHT - 1 - 6].ends_with("│───"), "{lines:?}");
        assert!(lines[HEIGHT - 1 - 3].ends_with("│░░░"), "{lines:?}");
        assert!(lines[HEIGHT - 1].ends_with("0 │"), "{lines:?}");
    }

    #[test]
    fn nothing_but_zeros_can_be_drawn() {
        assert_eq!(plot(&[(Some(0.0), 0.0, [0.0, 0.0])]).len(), HEIGHT + 1);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 3.21, 45.67, 1234.0, 65_000.0, 1.234e6].map(short),
            ["0", "3.21", "45.7", "1234", "65.0k", "1.23M"]
        );
    }
}
