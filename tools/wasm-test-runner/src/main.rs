//! wasm-bindgen's test runner, built from the version that the lock file pins.
//!
//! `cargo test --target wasm32-unknown-unknown` calls it for each test module (`.cargo/config.toml`); nothing has to be installed and the
//! versions of runner and library cannot differ.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
