//! A certificate authority in memory.
//!
//! Its own certificate and server certificates come from rcgen. User certificates are assembled here, because rcgen keeps
//! one value per attribute type and users have several groups; their content follows
//! `pkg/controller/certificates/authority` and Go's `x509.CreateCertificate`.

use std::net::{Ipv4Addr, Ipv6Addr};

use der::asn1::{
    Any, AnyRef, BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UintRef,
    UtcTime,
};
use der::oid::AssociatedOid;
use der::{DateTime, Decode as _, Encode, Sequence};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, SigningKey as _,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints as NoAuthority, SubjectAltName,
};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::name::Name;
use super::request::AltNames;
use super::usage::Usages;

/// Why a certificate could not be made; the system's randomness is the only doubtful part.
pub(crate) type IssueError = Box<dyn std::error::Error + Send + Sync>;

const DAY: i64 = 86_400;
const LIFETIME_DAYS: i64 = 3650;

const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";

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
        let (_, read) = X509Certificate::from_der(certificate.der())?;
        let subject = read.subject().as_raw().to_vec();
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
        let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
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
        let algorithm = AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new(ECDSA_WITH_SHA256)?,
            parameters: None,
        };
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial)?;
        let to_be_signed = Tbs {
            version: 2,
            serial: UintRef::new(&serial)?,
            algorithm: algorithm.clone(),
            issuer: AnyRef::from_der(&self.subject)?,
            validity: Validity {
                not_before: time(profile.not_before)?,
                not_after: time(profile.not_after)?,
            },
            subject: Any::from_der(&profile.subject.write()?)?,
            key: AnyRef::from_der(profile.public_key_info)?,
            extensions: self.extensions(profile)?,
        }
        .to_der()?;
        let signature = BitString::from_bytes(&self.issuer.key().sign(&to_be_signed)?)?;
        let tbs = AnyRef::from_der(&to_be_signed)?;
        Ok(Signed { tbs, algorithm, signature }.to_der()?)
    }

    /// The extensions in the order in which Go writes them.
    fn extensions(&self, profile: &Profile<'_>) -> Result<Vec<Extension>, IssueError> {
        let mut extensions = Vec::new();
        if let Some(usage) = profile.usages.key_usage() {
            extensions.push(extension(true, &usage)?);
        }
        if let Some(usage) = profile.usages.extended_key_usage() {
            extensions.push(extension(false, &usage)?);
        }
        let constraints = NoAuthority { ca: false, path_len_constraint: None };
        extensions.push(extension(true, &constraints)?);
        let key_id = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(self.key_id.as_slice())?),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        };
        extensions.push(extension(false, &key_id)?);
        let AltNames { dns, emails, ips, uris } = &profile.alt_names;
        let mut names = Vec::new();
        for name in dns {
            names.push(GeneralName::DnsName(Ia5String::new(name)?));
        }
        for name in emails {
            names.push(GeneralName::Rfc822Name(Ia5String::new(name)?));
        }
        for address in ips {
            names.push(GeneralName::IpAddress(OctetString::new(address.as_slice())?));
        }
        for name in uris {
            names.push(GeneralName::UniformResourceIdentifier(Ia5String::new(name)?));
        }
        if !names.is_empty() {
            extensions.push(extension(profile.subject.is_empty(), &SubjectAltName(names))?);
        }
        Ok(extensions)
    }
}

/// TBSCertificate, the fields that are written. The subject and the key stay as they are.
#[derive(Sequence)]
struct Tbs<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: u8,
    serial: UintRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    issuer: AnyRef<'a>,
    validity: Validity,
    subject: Any,
    key: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Validity {
    not_before: Time,
    not_after: Time,
}

#[derive(Sequence)]
struct Signed<'a> {
    tbs: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5).
fn time(seconds: i64) -> Result<Time, IssueError> {
    let date = DateTime::from_unix_duration(std::time::Duration::from_secs(seconds.try_into()?))?;
    Ok(match UtcTime::from_date_time(date) {
        Ok(time) => Time::UtcTime(time),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_date_time(date)),
    })
}

fn extension<T: AssociatedOid + Encode>(
    critical: bool,
    value: &T,
) -> Result<Extension, IssueError> {
    let extn_value = OctetString::new(value.to_der()?)?;
    Ok(Extension { extn_id: T::OID, critical, extn_value })
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
