//! Weighs a site: what travels to a browser, file by file.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Prints bytes raw, by gzip -9 and by brotli -11, for each file of `folder` and in total.
pub(crate) fn print(folder: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.retain(|file| !is_compressed(file));
    files.sort();
    println!("{:>10} {:>10} {:>10}  bytes", "raw", "gzip", "brotli");
    let mut total = [0; 3];
    for file in &files {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let sizes = [bytes.len(), gzip(&bytes)?.len(), brotli(&bytes)?.len()];
        total.iter_mut().zip(sizes).for_each(|(sum, size)| *sum += size);
        row(sizes, &file.strip_prefix(folder).unwrap_or(file).display().to_string());
    }
    row(total, "in total");
    Ok(())
}

/// Writes each file of `folder` compressed beside itself, as `.gz` and `.br`, for web servers that send such files to whoever takes them
/// (nginx's `gzip_static` and `brotli_static`, Caddy's `precompressed`). Files that hardly shrink are left out.
pub(crate) fn compress(folder: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.retain(|file| !is_compressed(file));
    for file in &files {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        for (suffix, smaller) in [("gz", gzip(&bytes)?), ("br", brotli(&bytes)?)] {
            if smaller.len() * 10 < bytes.len() * 9 {
                let mut name = file.clone().into_os_string();
                name.push(".");
                name.push(suffix);
                fs::write(&name, smaller).with_context(|| format!("writing {}", Path::new(&name).display()))?;
            }
        }
    }
    Ok(())
}

pub(crate) fn is_compressed(file: &Path) -> bool {
    file.extension().is_some_and(|suffix| suffix == "gz" || suffix == "br")
}

fn row([raw, gzip, brotli]: [usize; 3], name: &str) {
    println!("{raw:>10} {gzip:>10} {brotli:>10}  {name}");
}

pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

pub(crate) fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn brotli(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &parameters)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::compress;

    #[test]
    fn what_shrinks_lies_compressed_beside_itself() {
        let root = std::env::temp_dir().join(format!("page-bundler-sizes-{}", std::process::id()));
        fs::create_dir_all(root.join("below")).expect("the temporary folder can be written");
        let text = "kubectl ".repeat(500);
        fs::write(root.join("below/page.js"), &text).expect("written");
        fs::write(root.join("tiny.css"), "p{}").expect("written");
        compress(&root).expect("compressed");
        compress(&root).expect("once more changes nothing");
        let mut back = String::new();
        let packed = fs::File::open(root.join("below/page.js.gz")).expect("it is there");
        flate2::read::GzDecoder::new(packed).read_to_string(&mut back).expect("gzip");
        assert_eq!(back, text);
        let mut plain = Vec::new();
        let packed = fs::read(root.join("below/page.js.br")).expect("it is there");
        brotli::BrotliDecompress(&mut &packed[..], &mut plain).expect("brotli");
        assert_eq!(plain, text.as_bytes());
        assert!(!root.join("tiny.css.gz").exists() && !root.join("below/page.js.gz.br").exists());
        fs::remove_dir_all(root).expect("removed");
    }
}
