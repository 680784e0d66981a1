//! The page's entry point; everything is in the library, so that tests can use it.

fn main() {
    if cfg!(target_arch = "wasm32") {
        kube_orrery::start();
    } else {
        eprintln!("kube-orrery is a web page: `cargo xtask serve` builds it and serves it on 127.0.0.1:8080");
        std::process::exit(2);
    }
}
