//! Columns of text, after Go's `text/tabwriter` and kubectl's variant that remembers widths between flushes (`liggitt/tabwriter`).
//!
//! A cell ends with a tab. Cells one below the other in consecutive lines form a column; what follows a line's last tab belongs to none.

/// Collects lines and aligns their cells.
#[derive(Clone, Debug)]
pub struct TabWriter {
    min_width: usize,
    padding: usize,
    text: String,
    /// The widths of the columns so far, when they are to be remembered.
    remembered: Option<Vec<usize>>,
}

impl TabWriter {
    /// As `describe` uses it: two spaces between columns.
    pub fn new(min_width: usize, padding: usize) -> Self {
        Self { min_width, padding, text: String::new(), remembered: None }
    }

    /// As `get` uses it: three spaces between columns; columns never get narrower from one flush to the next.
    pub fn for_tables() -> Self {
        Self { remembered: Some(Vec::new()), ..Self::new(6, 3) }
    }

    /// Adds text with tabs and line ends.
    pub fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// What was written since the last flush, with its tabs.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The remembered widths.
    pub fn widths(&self) -> &[usize] {
        self.remembered.as_deref().unwrap_or_default()
    }

    /// Sets the widths to remember.
    pub fn set_widths(&mut self, widths: Vec<usize>) {
        self.remembered = Some(widths);
    }

    /// Forgets the widths of earlier flushes.
    pub fn forget_widths(&mut self) {
        if let Some(widths) = &mut self.remembered {
            widths.clear();
        }
    }

    /// The aligned text of all that was written since the last flush.
    pub fn flush(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        let lines: Vec<Vec<&str>> = text.split_terminator('\n').map(|line| line.split('\t').collect()).collect();
        let mut out = String::with_capacity(text.len() * 2);
        self.format(&lines, &mut Vec::new(), &mut out);
        if !text.is_empty() && !text.ends_with('\n') {
            out.pop();
        }
        out
    }

    /// Writes lines whose columns left of `widths.len()` have these widths.
    fn format(&mut self, lines: &[Vec<&str>], widths: &mut Vec<usize>, out: &mut String) {
        let column = widths.len();
        let in_column = |line: &Vec<&str>| column + 1 < line.len();
        let mut begin = 0;
        while begin < lines.len() {
            if !in_column(&lines[begin]) {
                write_line(&lines[begin], widths, out);
                begin += 1;
                continue;
            }
            let end = lines[begin..].iter().position(|line| !in_column(line)).map_or(lines.len(), |n| begin + n);
            let widest = lines[begin..end].iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
            let mut width = self.min_width.max(widest + self.padding);
            if let Some(remembered) = &mut self.remembered {
                if column < remembered.len() {
                    width = width.max(remembered[column]);
                    remembered[column] = width;
                } else {
                    remembered.push(width);
                }
            }
            widths.push(width);
            self.format(&lines[begin..end], widths, out);
            widths.pop();
            begin = end;
        }
    }
}

fn write_line(cells: &[&str], widths: &[usize], out: &mut String) {
    for (at, cell) in cells.iter().enumerate() {
        out.push_str(cell);
        if let Some(width) = widths.get(at) {
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_blocks_of_consecutive_lines() {
        let mut writer = TabWriter::new(0, 2);
        writer.write("Name:\tx\nLonger name:\ty\nno cell\nA:\tz\n");
        assert_eq!(writer.flush(), "Name:         x\nLonger name:  y\nno cell\nA:  z\n");
        writer.write("  Type\tStatus\n  Ready\tTrue \n  \ta\tb\n");
        assert_eq!(writer.flush(), "  Type   Status\n  Ready  True \n         a  b\n");
        writer.write("last\tline");
        assert_eq!(writer.flush(), "last  line");
    }

    #[test]
    fn a_watch_keeps_its_columns() {
        let mut writer = TabWriter::for_tables();
        writer.write("NAME\tSTATUS\tAGE\nnginx\tPending\t0s\n");
        assert_eq!(writer.flush(), "NAME    STATUS    AGE\nnginx   Pending   0s\n");
        writer.write("nginx\tContainerCreating\t0s\n");
        assert_eq!(writer.flush(), "nginx   ContainerCreating   0s\n");
        writer.write("nginx\tRunning\t2s\n");
        assert_eq!(writer.flush(), "nginx   Running             2s\n");
        writer.forget_widths();
        writer.write("A\tB\n");
        assert_eq!(writer.flush(), "A     B\n");
    }
}
