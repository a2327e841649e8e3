//! Where a call may come from: addresses and networks of the allow-list (seed 002, 1.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A network such as `127.0.0.0/8`, or one address. An IPv4 address in IPv6 clothes counts
/// as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// 127.0.0.0/8 and ::1.
    pub const LOOPBACK: [Network; 2] = [
        Network { base: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), bits: 8 },
        Network { base: IpAddr::V6(Ipv6Addr::LOCALHOST), bits: 128 },
    ];

    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(other)) => {
                same_head(base.to_bits().into(), other.to_bits().into(), 32 - self.bits)
            }
            (IpAddr::V6(base), IpAddr::V6(other)) => {
                same_head(base.to_bits(), other.to_bits(), 128 - self.bits)
            }
            _ => false,
        }
    }
}

/// Whether two addresses differ in their last `tail` bits only.
fn same_head(base: u128, other: u128, tail: u8) -> bool {
    (base ^ other).checked_shr(tail.into()).unwrap_or(0) == 0
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let bad = || format!("{text:?} is no address and no network such as 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => (address, Some(bits)),
        };
        let base: IpAddr = address.parse().map_err(|_| bad())?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        let plain = |digits: &&str| digits.bytes().all(|b| b.is_ascii_digit());
        let bits = match bits {
            None => bits_max,
            Some(digits) => {
                Some(digits).filter(plain).and_then(|d| d.parse().ok()).ok_or_else(bad)?
            }
        };
        if bits > bits_max {
            return Err(bad());
        }
        let network = Network { base, bits };
        match network.tail() {
            0 => Ok(network),
            _ => Err(format!("{text:?} has bits behind its first {bits}: they mean nothing")),
        }
    }
}

impl Network {
    /// The bits that do not belong to the network.
    fn tail(&self) -> u128 {
        let (address, width) = match self.base {
            IpAddr::V4(base) => (u128::from(base.to_bits()), 32),
            IpAddr::V6(base) => (base.to_bits(), 128),
        };
        let mask =
            1_u128.checked_shl(width - u32::from(self.bits)).map_or(u128::MAX, |bit| bit - 1);
        address & mask
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Network, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_ends_at_its_last_bit() {
        assert!(within("10.1.0.0/16", "10.1.255.255") && !within("10.1.0.0/16", "10.2.0.0"));
        assert!(within("10.0.0.7", "10.0.0.7") && !within("10.0.0.7", "10.0.0.6"));
        assert!(within("10.0.0.6/31", "10.0.0.7") && !within("10.0.0.6/31", "10.0.0.8"));
        assert!(within("0.0.0.0/0", "203.0.113.9") && !within("0.0.0.0/0", "2001:db8::1"));
        assert!(within("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!within("2001:db8::/32", "2001:db9::") && within("::/0", "::1"));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_ipv4_address() {
        assert!(within("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(!within("::/0", "::ffff:127.0.0.1"));
    }

    #[test]
    fn loopback_is_what_the_system_calls_so() {
        let loopback = |address: &str| {
            Network::LOOPBACK.iter().any(|network| network.contains(address.parse().unwrap()))
        };
        assert!(loopback("127.0.0.1") && loopback("127.9.9.9") && loopback("::1"));
        assert!(!loopback("128.0.0.1") && !loopback("::2") && !loopback("10.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0/8", "x"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        for text in ["10.0.0.1/8", "2001:db8::1/32", "1.0.0.0/0"] {
            assert!(text.parse::<Network>().unwrap_err().contains("behind"), "{text}");
        }
    }
}
