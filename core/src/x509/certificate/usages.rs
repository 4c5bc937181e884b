//! What certificates may be used for, by name.

/// Usages by name, those that are known first, whatever their order was.
pub(super) fn extended_usages(mut oids: Vec<String>) -> Vec<String> {
    const KNOWN: [(&str, &str); 7] = [
        ("2.5.29.37.0", "any"),
        ("1.3.6.1.5.5.7.3.2", "client auth"),
        ("1.3.6.1.5.5.7.3.1", "server auth"),
        ("1.3.6.1.5.5.7.3.3", "code signing"),
        ("1.3.6.1.5.5.7.3.4", "email protection"),
        ("1.3.6.1.5.5.7.3.8", "timestamping"),
        ("1.3.6.1.5.5.7.3.9", "ocsp signing"),
    ];
    let known = KNOWN.iter().filter(|(oid, _)| oids.iter().any(|o| o == oid));
    let mut names: Vec<String> = known.map(|(_, name)| (*name).to_owned()).collect();
    oids.retain(|oid| KNOWN.iter().all(|(known, _)| known != oid));
    names.append(&mut oids);
    names
}

/// Key usages by the place of their bit.
pub(crate) const KEY_USAGES: [&str; 9] = [
    "digital signature",
    "content commitment",
    "key encipherment",
    "data encipherment",
    "key agreement",
    "cert sign",
    "crl sign",
    "encipher only",
    "decipher only",
];

/// The names of the bits that are set.
pub(super) fn key_usages(bits: &[u8]) -> Vec<&'static str> {
    let is_set = |bit: usize| bits.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
    KEY_USAGES.iter().enumerate().filter(|(bit, _)| is_set(*bit)).map(|(_, name)| *name).collect()
}
