use super::*;

fn run(line: &str, input: &str) -> (String, i32) {
    let argv: Vec<String> = line.split(' ').map(str::to_string).collect();
    match Filter::parse(&argv) {
        Err((text, code)) => (text, code),
        Ok(mut parsed) => {
            let mut out = String::new();
            // In pieces that do not end with lines.
            for piece in input.as_bytes().chunks(3) {
                parsed.filter.feed(std::str::from_utf8(piece).unwrap(), &mut out);
            }
            let code = parsed.filter.finish(&mut out);
            (out, code)
        }
    }
}

const FIVE: &str = "one\ntwo\nthree\nfour\nfive\n";

#[test]
fn head_and_tail() {
    assert_eq!(run("head -2", FIVE).0, "one\ntwo\n");
    assert_eq!(run("head -n 1", FIVE).0, "one\n");
    assert_eq!(run("head -n1", FIVE).0, "one\n");
    assert_eq!(run("head -n -4", FIVE).0, "one\n");
    assert_eq!(run("head -c 5", FIVE).0, "one\nt");
    assert_eq!(run("head -0", FIVE).0, "");
    assert_eq!(run("tail -n 2", FIVE).0, "four\nfive\n");
    assert_eq!(run("tail -n +4", FIVE).0, "four\nfive\n");
    assert_eq!(run("tail -c 5", FIVE).0, "five\n");
    assert_eq!(run("head -n x", FIVE), ("head: invalid number of lines: ‘x’\n".into(), 1));
    assert_eq!(run("tail -1", "a\nb"), ("b".into(), 0));
}

#[test]
fn grep_flags() {
    assert_eq!(run("grep o", FIVE).0, "one\ntwo\nfour\n");
    assert_eq!(run("grep -v o", FIVE).0, "three\nfive\n");
    assert_eq!(run("grep -ci ^T", FIVE).0, "2\n");
    assert_eq!(run("grep -n -w two", FIVE).0, "2:two\n");
    assert_eq!(run("grep -oE [aeiou]+", FIVE).0, "o\ne\no\nee\nou\ni\ne\n");
    assert_eq!(run("grep -E (two|five)$", FIVE).0, "two\nfive\n");
    assert_eq!(run("grep -e one -e two", FIVE).0, "one\ntwo\n");
    assert_eq!(run("grep -A1 -n one", FIVE).0, "1:one\n2-two\n");
    assert_eq!(run("grep -B1 -e two -e five", FIVE).0, "one\ntwo\n--\nfour\nfive\n");
    assert_eq!(run("grep -m1 o", FIVE).0, "one\n");
    assert_eq!(run("grep x", FIVE), (String::new(), 1));
    assert_eq!(run("grep -q one", FIVE), (String::new(), 0));
    assert_eq!(run("grep -E (", FIVE), ("grep: Unmatched ( or \\(\n".into(), 2));
    assert_eq!(run("grep -Z x", FIVE).1, 2);
}

#[test]
fn counting_and_sorting() {
    assert_eq!(run("wc -l", FIVE).0, "5\n");
    assert_eq!(run("wc", FIVE).0, "      5       5      24\n");
    assert_eq!(run("sort", "b\na\nb\n").0, "a\nb\nb\n");
    assert_eq!(run("sort -ru", "b\na\nb\n").0, "b\na\n");
    assert_eq!(run("sort -k2 -n", "a 10\nb 9\n").0, "b 9\na 10\n");
    assert_eq!(run("sort -t: -k2n", "a:10\nb:9\n").0, "b:9\na:10\n");
    assert_eq!(run("uniq -c", "a\na\nb\n").0, "      2 a\n      1 b\n");
    assert_eq!(run("cat -n", "a\nb\n").0, "     1\ta\n     2\tb\n");
}

#[test]
fn a_full_head_wants_no_more() {
    let mut head = Filter::parse(&["head".into(), "-1".into()]).unwrap().filter;
    let mut out = String::new();
    assert!(!head.feed("a", &mut out));
    assert!(head.feed("\nb\n", &mut out));
    assert_eq!(out, "a\n");
}
