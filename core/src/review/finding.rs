//! Findings: what there is to find, how much each weighs, and what it means.

use std::str::FromStr;

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look twice.
    Warn,
    /// Not approved unless accepted by its code.
    Refuse,
    /// Not approved, whatever is accepted.
    Hard,
}

macro_rules! findings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $severity:ident;)+) => {
        /// Everything that a review can find.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FindingCode { $($(#[doc = $doc])+ $variant,)+ }

        impl FindingCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in output and by `--accept`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// How much it weighs.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }

            /// What it means and why it matters.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

findings! {
    /// The request is not the expected one: the code given with --expect belongs to another.
    NotExpected = "not-expected", Hard;
    /// There is no readable certificate request in the object.
    Unreadable = "unreadable", Hard;
    /// The signature does not verify: whoever made the request may not hold the key.
    SignatureInvalid = "signature-invalid", Hard;
    /// The PEM text is not exactly one canonical block: programs disagree about what it says.
    NotCanonicalPem = "not-canonical-pem", Hard;
    /// A private key is beside the request, readable for everyone who may read requests.
    PrivateKeyIncluded = "private-key-included", Hard;
    /// The DER does not encode back to the same bytes, or a name holds characters that its string type
    /// cannot: programs disagree about what it says.
    NotStrictDer = "not-strict-der", Hard;
    /// No user name: the certificate's bearer would be anonymous.
    NoCommonName = "no-common-name", Hard;
    /// Several user names; the API server takes the last that it can decode, other programs another.
    SeveralCommonNames = "several-common-names", Hard;
    /// A user or group in a string type that programs decode differently, or not at all.
    OddStringType = "odd-string-type", Hard;
    /// A group without a name.
    EmptyGroup = "empty-group", Hard;
    /// The group system:masters passes every authorization check and cannot be taken back.
    SystemMasters = "system-masters", Hard;
    /// A user name that is power by itself: a component, node or service account of Kubernetes.
    PrivilegedUser = "privileged-user", Refuse;
    /// A group that is power by itself.
    PrivilegedGroup = "privileged-group", Refuse;
    /// A name that looks like a privileged one, or like one with a ClusterRoleBinding, but is another.
    LookAlike = "look-alike", Refuse;
    /// Control, bidirectional or invisible characters in a name.
    HiddenCharacters = "hidden-characters", Refuse;
    /// A name that begins or ends with a space.
    PaddedName = "padded-name", Refuse;
    /// A name that holds consecutive spaces, which can fake table columns.
    SpacedName = "spaced-name", Refuse;
    /// A name of the object that no tool makes: of more than 253 bytes, or neither letters, digits and
    /// -._:@+ nor the user's name.
    OddObjectName = "odd-object-name", Refuse;
    /// A manifest that was handed over is named after somebody else than its request names.
    NameDiffers = "name-differs", Warn;
    /// A user name of more than 124 bytes, which could not be revoked, or a group of more than 256.
    LongName = "long-name", Refuse;
    /// More than 100 groups.
    TooManyGroups = "too-many-groups", Refuse;
    /// A request of more than 64 KiB.
    Oversized = "oversized", Refuse;
    /// An RSA key under 2048 bits, or an obsolete curve.
    WeakKey = "weak-key", Refuse;
    /// A kind of key that is not known here.
    OddKey = "odd-key", Refuse;
    /// Signed with SHA-1, which is broken: two different requests can share a signature. The API server
    /// takes it.
    WeakSignature = "weak-signature", Warn;
    /// Signed in a way that the API server does not verify, as with MD5 or SHA-224: it refuses the
    /// request.
    UnsupportedSignature = "unsupported-signature", Hard;
    /// Usages beyond client authentication, or without it: not a person's certificate.
    UnexpectedUsages = "unexpected-usages", Refuse;
    /// A signer of Kubernetes that is not for people's certificates.
    WrongSigner = "wrong-signer", Refuse;
    /// All certificates of the user are revoked; one that is issued now is refused too unless it is excepted.
    RevokedUser = "revoked-user", Refuse;
    /// The request was submitted with a certificate that is revoked, perhaps by a thief.
    RevokedRequester = "revoked-requester", Refuse;
    /// A certificate of the requester was revoked, and the one that the request was submitted with is not known
    /// here: it may be the revoked one with a byte added, which API servers accept under another SHA-256.
    DoubtfulRequester = "doubtful-requester", Refuse;
    /// A certificate of the user was revoked before: find out why, and who asks now.
    RevokedBefore = "revoked-before", Warn;
    /// The user has roles in the whole cluster already, and somebody else submitted the request: whoever holds its
    /// key gets them.
    BoundUser = "bound-user", Warn;
    /// A signer that is not known here; who signs, and with which rules, is its business.
    UnknownSigner = "unknown-signer", Warn;
    /// A name that looks like one with a RoleBinding, which whoever administers a namespace can make;
    /// or both names have ClusterRoleBindings.
    SimilarName = "similar-name", Warn;
    /// The signature's algorithm was not checked here; the API server checked it on creation.
    SignatureUnchecked = "signature-unchecked", Warn;
    /// The request was submitted by somebody other than the user it names, as most first requests are. It
    /// is a warning where the requester came with a certificate for another name and is not in
    /// system:masters.
    RequesterDiffers = "requester-differs", Info;
    /// The user holds a valid certificate already, and this request is for another key and was not
    /// submitted with that certificate: from another machine of the same person, or from somebody else.
    SecondKey = "second-key", Warn;
    /// Host names or addresses, which a person's certificate has no use for; the signer copies them.
    AlternativeNames = "alternative-names", Warn;
    /// A lifetime of more than a year: whoever steals the key has it that long, unless it is revoked.
    LongLifetime = "long-lifetime", Warn;
    /// A name with letters of several alphabets, of which some look alike: it may imitate another one.
    MixedScripts = "mixed-scripts", Warn;
    /// One group whose name looks like a list of groups: it holds a comma or a space.
    GroupLooksLikeList = "group-looks-like-list", Warn;
    /// Attributes that the signer will leave out of the certificate.
    DroppedAttributes = "dropped-attributes", Warn;
    /// The policy does not allow this signer.
    PolicySigner = "policy-signer", Refuse;
    /// The policy does not allow this user name.
    PolicyUser = "policy-user", Refuse;
    /// The policy does not allow one of the groups.
    PolicyGroup = "policy-group", Refuse;
    /// The policy does not allow such a lifetime.
    PolicyLifetime = "policy-lifetime", Refuse;
    /// The policy does not allow such a key.
    PolicyKey = "policy-key", Refuse;
    /// The policy does not let this requester ask for this user.
    PolicyRequester = "policy-requester", Refuse;
    /// No lifetime asked: the signer's maximum applies, usually a year.
    NoLifetime = "no-lifetime", Info;
}

/// The word names no finding.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no finding {}", crate::text::show_short(.0, 60))]
pub struct UnknownFinding(String);

impl FromStr for FindingCode {
    type Err = UnknownFinding;

    fn from_str(word: &str) -> Result<Self, UnknownFinding> {
        let found = Self::ALL.iter().find(|code| code.as_str() == word);
        found.copied().ok_or_else(|| UnknownFinding(word.to_owned()))
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    #[serde(serialize_with = "code_as_str")]
    pub code: FindingCode,
    /// How much it weighs.
    pub severity: Severity,
    /// In words, safe to show.
    pub message: String,
}

// serde's signature for serialize_with takes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn code_as_str<S: serde::Serializer>(code: &FindingCode, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(code.as_str())
}

/// Findings of one kind that are kept: a request can hold tens of thousands of groups.
pub(crate) const KEPT: usize = 20;

/// Findings as they are collected.
#[derive(Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    /// How many of each kind there are. There are few kinds, and a map of them would cost the page 1 KB.
    counts: Vec<(FindingCode, usize)>,
}

impl Findings {
    pub(crate) fn add(&mut self, code: FindingCode, message: impl Into<String>) {
        let count = match self.counts.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((code, 1));
                1
            }
        };
        if count <= KEPT {
            self.push(Finding { code, severity: code.severity(), message: message.into() });
        }
    }

    /// Adds one that has been weighed already.
    pub(crate) fn push(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    #[cfg(feature = "policy")]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Finding> {
        self.found.iter_mut()
    }

    /// The gravest first; of each kind as many as are kept, and how many more there are.
    pub(crate) fn sorted(mut self) -> Vec<Finding> {
        for (code, count) in self.counts {
            if let Some(more) = count.checked_sub(KEPT).filter(|more| *more > 0) {
                let message = format!("and {more} more of this kind");
                self.found.push(Finding { code, severity: code.severity(), message });
            }
        }
        self.found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(&b.code)));
        self.found
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(found: Vec<Finding>) -> Self {
        Self { found, counts: Vec::new() }
    }
}
