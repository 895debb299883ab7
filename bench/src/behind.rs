//! What a gateway costs: a small call of a server behind this one, beside a bare Worker that passes the
//! body to the same server by `fetch`, and beside another gateway.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};
use xtask::{paths, ports, setup};

use crate::{
    contestant::{
        Built,
        Contestant::{self, FastMcp, Floor, Gateway, Reading, Silent},
    },
    figure::Figure,
    timed::{self, Plan, Timed},
    workerd::Process,
};

/// The figures of it.
pub const FIGURES: [Figure; 2] = [Figure::Behind, Figure::Behind16];
/// Who is measured.
pub const CONTESTANTS: [Contestant; 4] = [Gateway, Floor, Reading, FastMcp];

/// Measures it.
///
/// # Errors
/// Where one does not answer as it should.
pub async fn measure(built: &Built, plan: Plan) -> Result<Timed> {
    let upstream = upstream(built).await?;
    let other = Proxy::start(upstream.port).await?;
    let built = built.relaying(upstream.port, other.port);
    timed::run(&built, Plan { starts: 0, ..plan }, &FIGURES, &CONTESTANTS).await
}

/// The server behind all of them.
///
/// # Errors
/// Where it does not start.
pub async fn upstream(built: &Built) -> Result<Process> {
    Process::start(&built.worker(Silent)).await
}

/// Measures it alone, and prints rates, times, and the share of the bare Worker's rate.
///
/// # Errors
/// Where one does not answer as it should.
pub async fn run(rounds: usize) -> Result<()> {
    let plan = Plan {
        rounds,
        warm: Duration::from_secs(1),
        turns: 4,
        time: Duration::from_millis(500),
        starts: 0,
    };
    let timed = measure(&Built::guarded()?, plan).await?;
    for figure in FIGURES {
        for who in CONTESTANTS {
            let of = |value| timed.of(figure, who, value).median;
            println!(
                "{}: {}: {:.0} each second, half within {:.2} ms, 99 of 100 within {:.2} ms",
                figure.name(),
                who.name(),
                of(|point| point.load.rate),
                of(|point| point.load.p50),
                of(|point| point.load.p99),
            );
        }
        for (who, than) in [(Gateway, Floor), (Gateway, Reading), (Reading, Floor)] {
            let Some(ratio) = timed.ratio((figure, who), (figure, than)) else { continue };
            println!(
                "{}: {}: {:.1} % of the {} ({:.1} - {:.1})",
                figure.name(),
                who.name(),
                ratio.median * 100.0,
                than.name(),
                ratio.low * 100.0,
                ratio.high * 100.0
            );
        }
    }
    Ok(())
}

/// A proxy of FastMCP. Dropping it ends it.
struct Proxy {
    _child: Child,
    port: u16,
}

impl Proxy {
    /// Starts one in front of the server at this port.
    async fn start(upstream: u16) -> Result<Self> {
        let python = setup::python()?.context("the other gateway needs Python")?;
        let port = ports::free()?;
        let mut child = Command::new(python)
            .arg(paths::root().join("bench/peers/fastmcp_proxy.py"))
            .args([port.to_string(), format!("http://127.0.0.1:{upstream}/upstream")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if child.try_wait()?.is_some() || began.elapsed() > Duration::from_secs(30) {
                bail!("the proxy of FastMCP does not listen");
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { _child: child, port })
    }
}
