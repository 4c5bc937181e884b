//! A proxy on the way to the server: by HTTP `CONNECT` (RFC 9110 section 9.3.6) or SOCKS5 (RFC 1928).

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) struct Proxy {
    /// Connections that went through it.
    pub(super) used: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts one that lasts as long as this process; its URL.
    pub(super) fn start(scheme: &'static str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let used = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&used);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                std::thread::spawn(move || {
                    let server = match scheme {
                        "http" => connect(&client),
                        _ => socks(&client),
                    };
                    if let Ok(server) = server {
                        counter.fetch_add(1, Ordering::Relaxed);
                        join(client, server);
                    }
                });
            }
        });
        (Self { used }, format!("{scheme}://{address}"))
    }
}

fn connect(mut client: &TcpStream) -> io::Result<TcpStream> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let to = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let server = TcpStream::connect(to.ok_or(io::ErrorKind::InvalidData)?)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    Ok(server)
}

fn socks(mut client: &TcpStream) -> io::Result<TcpStream> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting)?;
    client.read_exact(&mut vec![0; usize::from(greeting[1])])?;
    client.write_all(&[5, 0])?;
    let mut request = [0; 4];
    client.read_exact(&mut request)?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            client.read_exact(&mut address)?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        3 => {
            let mut length = [0];
            client.read_exact(&mut length)?;
            let mut name = vec![0; usize::from(length[0])];
            client.read_exact(&mut name)?;
            String::from_utf8_lossy(&name).into_owned()
        }
        _ => return Err(io::ErrorKind::Unsupported.into()),
    };
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    let server = TcpStream::connect((host, u16::from_be_bytes(port)))?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(server)
}

/// Passes on what comes from either side until both have ended.
fn join(client: TcpStream, server: TcpStream) {
    let halves = (client.try_clone(), server.try_clone());
    let (Ok(client_too), Ok(server_too)) = halves else { return };
    let pass = |mut from: TcpStream, mut to: TcpStream| {
        let _ends = io::copy(&mut from, &mut to);
        let _closed = to.shutdown(Shutdown::Write);
    };
    let back = std::thread::spawn(move || pass(server_too, client_too));
    pass(client, server);
    let _ended = back.join();
}
