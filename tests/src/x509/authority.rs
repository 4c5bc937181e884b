//! A certificate authority in memory.
//!
//! Its own certificate and server certificates come from rcgen. User certificates are assembled here, because rcgen keeps
//! one value per attribute type and users have several groups; their content follows
//! `pkg/controller/certificates/authority` and Go's `x509.CreateCertificate`.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, SigningKey as _,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::der;
use super::name::Name;
use super::request::AltNames;
use super::usage::Usages;

/// Why a certificate could not be made; the system's randomness is the only doubtful part.
pub(crate) type IssueError = Box<dyn std::error::Error + Send + Sync>;

const DAY: i64 = 86_400;
const LIFETIME_DAYS: i64 = 3650;

const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub(crate) struct Profile<'a> {
    pub(crate) subject: &'a Name,
    /// A whole SubjectPublicKeyInfo.
    pub(crate) public_key_info: &'a [u8],
    pub(crate) usages: Usages,
    pub(crate) alt_names: AltNames,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// A P-256 authority, valid for ten years.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    subject: Vec<u8>,
    key_id: Vec<u8>,
    not_after: i64,
}

impl Authority {
    pub(crate) fn generate(common_name: &str) -> Result<Self, IssueError> {
        let key = KeyPair::generate()?;
        let now = jiff::Timestamp::now().as_second();
        let not_after = (now / DAY + LIFETIME_DAYS) * DAY;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyCertSign,
        ];
        set_validity(&mut params, now - DAY, not_after)?;
        let key_id = params.key_identifier(&key);
        let certificate = params.self_signed(&key)?;
        // rcgen writes names as UTF8String; the issuer of what is signed here has to repeat that.
        let cn = der::sequence(&[
            &der::element(der::OID, &[0x55, 4, 3]),
            &der::element(der::UTF8_STRING, common_name.as_bytes()),
        ]);
        let subject = der::sequence(&[&der::element(der::SET, &cn)]);
        Ok(Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            subject,
            key_id,
            not_after,
        })
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// When the authority's own certificate expires, in seconds since 1970.
    pub(crate) fn not_after(&self) -> i64 {
        self.not_after
    }

    /// A certificate with key for the server on the loopback interface.
    pub(crate) fn issue_server(
        &self,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), IssueError> {
        let key = KeyPair::generate()?;
        let now = jiff::Timestamp::now().as_second();
        let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let mut params = CertificateParams::new(names.map(String::from))?;
        params.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, now - DAY, now + 365 * DAY)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        Ok((certificate.der().clone(), key))
    }

    /// Issues a certificate, in DER.
    pub(crate) fn issue(&self, profile: &Profile<'_>) -> Result<Vec<u8>, IssueError> {
        let algorithm = der::sequence(&[&der::element(der::OID, ECDSA_WITH_SHA256)]);
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial)?;
        let version = der::element(der::context(0), &der::element(der::INTEGER, &[2]));
        let validity =
            der::sequence(&[&der::time(profile.not_before)?, &der::time(profile.not_after)?]);
        let extensions = self.extensions(profile).concat();
        let to_be_signed = der::sequence(&[
            &version,
            &der::positive_integer(&serial),
            &algorithm,
            &self.subject,
            &validity,
            &profile.subject.write(),
            profile.public_key_info,
            &der::element(der::context(3), &der::element(der::SEQUENCE, &extensions)),
        ]);
        let signature = self.issuer.key().sign(&to_be_signed)?;
        Ok(der::sequence(&[&to_be_signed, &algorithm, &der::bit_string(&signature)]))
    }

    /// The extensions in the order in which Go writes them.
    fn extensions(&self, profile: &Profile<'_>) -> Vec<Vec<u8>> {
        let mut extensions = Vec::new();
        if let Some(value) = profile.usages.key_usage() {
            extensions.push(extension(KEY_USAGE, true, &value));
        }
        if let Some(value) = profile.usages.extended_key_usage() {
            extensions.push(extension(EXTENDED_KEY_USAGE, false, &value));
        }
        extensions.push(extension(BASIC_CONSTRAINTS, true, &der::sequence(&[])));
        let key_id = der::sequence(&[&der::element(0x80, &self.key_id)]);
        extensions.push(extension(AUTHORITY_KEY_ID, false, &key_id));
        let AltNames { dns, emails, ips, uris } = &profile.alt_names;
        let names: Vec<u8> = [(0x82, dns), (0x81, emails), (0x87, ips), (0x86, uris)]
            .into_iter()
            .flat_map(|(tag, names)| names.iter().flat_map(move |name| der::element(tag, name)))
            .collect();
        if !names.is_empty() {
            let names = der::element(der::SEQUENCE, &names);
            extensions.push(extension(SUBJECT_ALT_NAME, profile.subject.is_empty(), &names));
        }
        extensions
    }
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 1, 0xff] } else { &[] };
    der::sequence(&[
        &der::element(der::OID, oid),
        critical,
        &der::element(der::OCTET_STRING, value),
    ])
}

/// Sets the validity, both ends at midnight: rcgen takes calendar dates.
fn set_validity(params: &mut CertificateParams, from: i64, to: i64) -> Result<(), IssueError> {
    let date = |seconds| -> Result<_, IssueError> {
        let day = jiff::Timestamp::from_second(seconds)?.to_zoned(jiff::tz::TimeZone::UTC).date();
        Ok(rcgen::date_time_ymd(day.year().into(), day.month() as u8, day.day() as u8))
    };
    params.not_before = date(from)?;
    params.not_after = date(to)?;
    Ok(())
}

/// A P-256 key for a user.
pub(crate) struct ClientKey(KeyPair);

impl ClientKey {
    pub(crate) fn generate() -> Result<Self, IssueError> {
        Ok(Self(KeyPair::generate()?))
    }

    /// PKCS#8 PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.serialize_pem()
    }

    pub(crate) fn public_key_info(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }
}
