//! The addresses of this machine's interfaces, and its name.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses under which others may reach this machine, sorted: no loopback, no link-local ones, and none of the temporary
/// IPv6 addresses that the kernel replaces every day for privacy. Empty when the kernel does not tell.
pub fn local_addresses() -> Vec<IpAddr> {
    let passing = passing_ipv6(&std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default());
    let all = interface_addresses().into_iter().filter(|address| is_reachable(*address));
    let lasting = all.filter(|address| !matches!(address, IpAddr::V6(v6) if passing.contains(v6)));
    lasting.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The machine's name in lower case, when it can stand in a certificate and a URL.
pub fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_ascii_lowercase();
    is_dns_name(&name).then_some(name)
}

/// Letters, digits and hyphens between dots; not an address.
pub fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last_is_number = name
        .rsplit('.')
        .next()
        .is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253 && name.split('.').all(is_label) && !last_is_number
}

fn is_reachable(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !(is_link_local || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

/// The IPv6 addresses that are temporary, deprecated or not usable yet, from the kernel's table.
fn passing_ipv6(table: &str) -> HashSet<Ipv6Addr> {
    // linux/if_addr.h: IFA_F_TEMPORARY, IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE
    const PASSING: u32 = 0x01 | 0x08 | 0x20 | 0x40;
    let entry = |line: &str| {
        let mut fields = line.split_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & PASSING != 0).then(|| Ipv6Addr::from(address))
    };
    table.lines().filter_map(entry).collect()
}

fn interface_addresses() -> Vec<IpAddr> {
    let mut first: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: `first` is a valid place for the list's head, which the call fills on success.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Vec::new();
    }
    let mut addresses = Vec::new();
    let mut next = first;
    // SAFETY: each entry of the list, and what it points to, lives until `freeifaddrs`.
    while let Some(entry) = unsafe { next.as_ref() } {
        addresses.extend(address_of(entry));
        next = entry.ifa_next;
    }
    // SAFETY: `first` came from `getifaddrs` and nothing keeps a pointer into the list.
    unsafe { libc::freeifaddrs(first) };
    addresses
}

fn address_of(entry: &libc::ifaddrs) -> Option<IpAddr> {
    // SAFETY: a non-null address of an entry begins with its family.
    let family = unsafe { entry.ifa_addr.as_ref() }?.sa_family;
    match i32::from(family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is a `sockaddr_in`; it may lie unaligned.
            let v4 = unsafe { entry.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this is a `sockaddr_in6`; it may lie unaligned.
            let v6 = unsafe { entry.ifa_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_seen_and_left_out() {
        assert!(interface_addresses().contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(local_addresses().iter().all(|address| is_reachable(*address)));
    }

    #[test]
    fn temporary_addresses_are_known_by_their_flags() {
        let table = "20010db8000000000000000000000001 02 40 00 80 eth0\n20010db80000000000000000000000ff 02 40 00 01 eth0\n";
        assert_eq!(passing_ipv6(table), HashSet::from(["2001:db8::ff".parse().unwrap()]));
    }

    #[test]
    fn a_name_is_not_an_address_and_has_no_odd_characters() {
        assert!(is_dns_name("hub-1.corp.example"));
        for wrong in ["", "a..b", "-a", "a_b", "192.0.2.1", "::1", "a b"] {
            assert!(!is_dns_name(wrong), "{wrong}");
        }
    }
}
