//! `cargo xtask dev`: `wrangler dev` with the sandbox, for people.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, bail};
use sandbox::{
    Generation, Sandbox,
    cloudflare::{self, Cloudflare},
};
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::{Instant, sleep},
};

use super::serve::{generation, pair};
use crate::{
    account, beside,
    bundle::{Flavour, build, build_for_wrangler_with_sample},
    exec::say,
    operations::upload::wrangler,
    paths,
    server::{LOCAL_CREDENTIAL_KEY, LOCAL_SESSION_KEY},
};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The port on 127.0.0.1
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Which generation of the SiteBay API the sandbox plays: march or october
    #[arg(long, default_value = "march", value_parser = generation)]
    generation: Generation,
    /// An MCP server to put behind this one, NAME=URL, such as tickets=http://127.0.0.1:3001/mcp
    #[arg(long = "upstream", value_name = "NAME=URL", value_parser = pair)]
    upstreams: Vec<(String, String)>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let is_played = !account::is_described();
    if is_played {
        build_for_wrangler_with_sample()?;
    } else {
        build(Flavour::Production)?;
    }
    tokio::runtime::Runtime::new()?.block_on(dev(arguments, is_played))
}

async fn dev(arguments: &Arguments, is_played: bool) -> Result<()> {
    let port = arguments.port;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let sandbox = if has_own_token() {
        say("SITEBAY_API_TOKEN is in .dev.vars: talking to the real SiteBay");
        None
    } else {
        let generation = arguments.generation;
        let options = sandbox::Options { generation, ..sandbox::Options::default() };
        Some(Sandbox::start(options).await?)
    };
    let cloudflare = match is_played {
        true => Some(Cloudflare::start(cloudflare::Options::default()).await?),
        false => None,
    };
    make_tables()?;
    if is_played {
        bind_stage()?;
    }
    let upstreams = upstreams(&arguments.upstreams)?;
    let mut child = spawn(port, sandbox.as_ref(), cloudflare.as_ref(), upstreams)?;
    wait_for(&mut child, port).await?;
    print_connection(port, sandbox.as_ref(), cloudflare.as_ref());
    tokio::select! {
        status = child.wait() => bail!("wrangler ended: {}", status?),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // wrangler ends its own workerd on this signal.
    if let Some(id) = child.id() {
        let _ = Command::new("kill").arg(id.to_string()).status().await;
    }
    let _ = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
    Ok(())
}

/// Whether `.dev.vars` brings a token: wrangler reads that file itself.
fn has_own_token() -> bool {
    let vars = fs::read_to_string(paths::root().join(".dev.vars")).unwrap_or_default();
    vars.lines().any(|line| line.trim_start().starts_with("SITEBAY_API_TOKEN"))
}

/// Makes the tables of named keys and the audit in the local database, where they are missing.
fn make_tables() -> Result<()> {
    let mut command = wrangler();
    command.args(["d1", "migrations", "apply", "MCP_DB", "--local"]).env("CI", "1");
    let made = command.stdin(std::process::Stdio::null()).output().context("wrangler")?;
    if !made.status.success() {
        bail!("the tables were not made: {}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}

/// The configuration that binds a stage as well. It is beside `wrangler.toml`, whose paths and state it shares.
const BOUND: &str = "wrangler.dev.toml";

/// Writes that configuration, and puts rows and objects into what it binds.
fn bind_stage() -> Result<()> {
    let own = fs::read_to_string(paths::root().join("wrangler.toml"))?;
    fs::write(paths::root().join(BOUND), beside::bound(&own)?)?;
    beside::fill(&|arguments| {
        let mut command = wrangler();
        command.args(arguments).args(["--config", BOUND]);
        command
    })
}

/// The variable `UPSTREAMS` of these servers. None: there are none, and `.dev.vars` may have it.
fn upstreams(named: &[(String, String)]) -> Result<Option<String>> {
    let mut upstreams = Map::new();
    for (name, url) in named {
        if upstreams.insert(name.clone(), json!({ "url": url })).is_some() {
            bail!("--upstream: there are two servers with the name {name}");
        }
    }
    Ok((!upstreams.is_empty()).then(|| Value::Object(upstreams).to_string()))
}

fn spawn(
    port: u16,
    sandbox: Option<&Sandbox>,
    cloudflare: Option<&Cloudflare>,
    upstreams: Option<String>,
) -> Result<Child> {
    let mut command = Command::from(wrangler());
    command.args(["dev", "--ip", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--show-interactive-dev-session", "false", "--log-level", "warn"]);
    command.args(["--var", "ENVIRONMENT:development"]);
    command.arg("--var").arg(format!("SESSION_KEY:{LOCAL_SESSION_KEY}"));
    command.arg("--var").arg(format!("SUBJECT_KEY:{LOCAL_SESSION_KEY}"));
    command.arg("--var").arg(format!("CREDENTIAL_KEY:{LOCAL_CREDENTIAL_KEY}"));
    if let Some(sandbox) = sandbox {
        command.arg("--var").arg(format!("SITEBAY_API_URL:{}", sandbox.url()));
        command.args(["--var", "SITEBAY_API_TOKEN:sandbox-token-for-development"]);
    }
    if let Some(cloudflare) = cloudflare {
        command.args(["--config", BOUND, "--config"]).arg(beside::configuration());
        // `wrangler` builds the Worker again where its sources changed.
        command.env(account::MANIFEST, account::SAMPLE);
        for (name, value) in account::settings(cloudflare) {
            command.arg("--var").arg(format!("{name}:{value}"));
        }
    }
    if let Some(upstreams) = upstreams {
        command.arg("--var").arg(format!("UPSTREAMS:{upstreams}"));
    }
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    command.spawn().context("cannot start wrangler")
}

async fn wait_for(child: &mut Child, port: u16) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("wrangler ended: {status}");
        }
        if Instant::now() > deadline {
            bail!("wrangler does not listen on port {port}");
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn print_connection(port: u16, sandbox: Option<&Sandbox>, cloudflare: Option<&Cloudflare>) {
    let url = format!("http://127.0.0.1:{port}/mcp");
    println!("\nlistening on {url}\n");
    if let Some(sandbox) = sandbox {
        println!("SiteBay is played by the sandbox on {}\n", sandbox.url());
    }
    if let Some(cloudflare) = cloudflare {
        println!("{}", account::hints(cloudflare, url.trim_end_matches("/mcp")));
    }
    println!("Cursor and others that start a program:");
    println!(
        r#"  {{"mcpServers":{{"sitebay":{{"command":"npx","args":["-y","mcp-remote@latest","{url}"]}}}}}}"#
    );
    println!("Claude Code:\n  claude mcp add --transport http sitebay {url}");
    println!(
        "Inspector:\n  npx @modelcontextprotocol/inspector --cli {url} --transport http --method tools/list\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[&str]) -> Result<Option<String>> {
        upstreams(&pairs.iter().map(|text| pair(text).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn upstreams_are_given_by_name_and_url() {
        assert_eq!(named(&[]).unwrap(), None);
        let two = named(&["a=http://127.0.0.1:1/mcp?x=y", "b=https://b.example/mcp"]).unwrap();
        let expected = json!({
            "a": { "url": "http://127.0.0.1:1/mcp?x=y" },
            "b": { "url": "https://b.example/mcp" },
        });
        assert_eq!(two, Some(expected.to_string()));
        let twice = named(&["a=http://x", "a=http://y"]).unwrap_err();
        assert!(twice.to_string().contains("two servers with the name a"), "{twice}");
    }
}
