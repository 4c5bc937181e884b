//! Characters that look like the letters of reserved names, in little space.
//!
//! The whole tables of Unicode normalization and confusables are a third of what the web page would
//! load. There only reserved names matter, and what their letters can be imitated with is short. A
//! test makes sure that both ways of looking agree about every character.

use crate::text::is_hidden;

/// No reserved name looks longer than this; what comes behind cannot make a name look like one.
const LONGEST: usize = 64;

/// What [`crate::text::look`] makes of a name, as far as it is made of letters of reserved names;
/// what is not, stays as it is.
#[must_use]
pub fn look(name: &str) -> String {
    let visible = name.trim().chars().filter(|c| !is_hidden(*c)).take(LONGEST);
    let mut out = String::new();
    for c in visible {
        match LOOKS.iter().find(|(_, imitators)| imitators.contains(c)) {
            Some((letters, _)) => out.push_str(letters),
            None => out.push(c),
        }
    }
    out
}

/// Letters, and the characters that look like them after NFKC, the skeleton of Unicode TR39 and lower
/// case.
#[rustfmt::skip]
const LOOKS: &[(&str, &str)] = &[
    (
        "-",
        "\u{2d7}\u{6d4}\u{174d}\u{1bf3}\u{2010}\u{2011}\u{2012}\u{2013}\u{2043}\u{207b}\u{208b}\
         \u{2212}\u{2796}\u{2cba}\u{2cbb}\u{aa7d}\u{fe32}\u{fe63}\u{ff0d}\u{10191}",
    ),
    (
        ":",
        "\u{2d0}\u{2f8}\u{589}\u{5c3}\u{703}\u{704}\u{831}\u{903}\u{a83}\u{1361}\u{1393}\
         \u{16ec}\u{1803}\u{1809}\u{205a}\u{2236}\u{a4fd}\u{a789}\u{fe13}\u{fe55}\u{ff1a}\
         \u{1015b}\u{10781}\u{10af5}\u{11002}\u{11082}\u{11182}\u{1123a}\u{115be}\u{116ac}\
         \u{11838}\u{11dd9}\u{1d108}",
    ),
    ("::", "\u{2237}\u{2e2c}"),
    (
        "a",
        "\u{41}\u{aa}\u{251}\u{391}\u{3b1}\u{410}\u{430}\u{13aa}\u{15c5}\u{1d2c}\u{1d43}\
         \u{1d45}\u{2090}\u{237a}\u{24b6}\u{24d0}\u{2c6d}\u{a4ee}\u{ab64}\u{ff21}\u{ff41}\
         \u{102a0}\u{16f40}\u{1ccd6}\u{1d400}\u{1d41a}\u{1d434}\u{1d44e}\u{1d468}\u{1d482}\
         \u{1d49c}\u{1d4b6}\u{1d4d0}\u{1d4ea}\u{1d504}\u{1d51e}\u{1d538}\u{1d552}\u{1d56c}\
         \u{1d586}\u{1d5a0}\u{1d5ba}\u{1d5d4}\u{1d5ee}\u{1d608}\u{1d622}\u{1d63c}\u{1d656}\
         \u{1d670}\u{1d68a}\u{1d6a8}\u{1d6c2}\u{1d6e2}\u{1d6fc}\u{1d71c}\u{1d736}\u{1d756}\
         \u{1d770}\u{1d790}\u{1d7aa}\u{1df5a}\u{1df6a}\u{1e030}\u{1e051}\u{1f130}",
    ),
    ("aa", "\u{a732}\u{a733}"),
    ("ae", "\u{c6}\u{e6}\u{4d4}\u{4d5}\u{1d2d}\u{10783}"),
    ("ao", "\u{a734}\u{a735}"),
    ("ar", "\u{1f707}"),
    ("au", "\u{3373}\u{a736}\u{a737}"),
    ("ay", "\u{a73c}\u{a73d}"),
    (
        "b",
        "\u{42}\u{184}\u{392}\u{412}\u{42c}\u{7d5}\u{13cf}\u{13f4}\u{1472}\u{15af}\u{15f7}\
         \u{1d2e}\u{1d47}\u{212c}\u{24b7}\u{24d1}\u{2c82}\u{a4d0}\u{a557}\u{a7b4}\u{ff22}\
         \u{ff42}\u{10282}\u{102a1}\u{10301}\u{1031c}\u{16eb6}\u{1ccd7}\u{1d207}\u{1d401}\
         \u{1d41b}\u{1d435}\u{1d44f}\u{1d469}\u{1d483}\u{1d4b7}\u{1d4d1}\u{1d4eb}\u{1d505}\
         \u{1d51f}\u{1d539}\u{1d553}\u{1d56d}\u{1d587}\u{1d5a1}\u{1d5bb}\u{1d5d5}\u{1d5ef}\
         \u{1d609}\u{1d623}\u{1d63d}\u{1d657}\u{1d671}\u{1d68b}\u{1d6a9}\u{1d6e3}\u{1d71d}\
         \u{1d757}\u{1d791}\u{1f131}",
    ),
    ("bar", "\u{3374}"),
    ("bl", "\u{42b}"),
    (
        "c",
        "\u{43}\u{421}\u{441}\u{1004}\u{105a}\u{13df}\u{1c83}\u{1d04}\u{1d9c}\u{2102}\u{212d}\
         \u{216d}\u{217d}\u{24b8}\u{24d2}\u{2ca4}\u{2ca5}\u{a4da}\u{a7f2}\u{abaf}\u{ff23}\
         \u{ff43}\u{102a2}\u{10302}\u{10415}\u{1043d}\u{1051b}\u{118e9}\u{118f2}\u{1ccd8}\
         \u{1d134}\u{1d402}\u{1d41c}\u{1d436}\u{1d450}\u{1d46a}\u{1d484}\u{1d49e}\u{1d4b8}\
         \u{1d4d2}\u{1d4ec}\u{1d520}\u{1d554}\u{1d56e}\u{1d588}\u{1d5a2}\u{1d5bc}\u{1d5d6}\
         \u{1d5f0}\u{1d60a}\u{1d624}\u{1d63e}\u{1d658}\u{1d672}\u{1d68c}\u{1e03f}\u{1e05e}\
         \u{1f12b}\u{1f132}\u{1f74c}",
    ),
    ("cal", "\u{3388}"),
    ("cc", "\u{33c4}"),
    ("cd", "\u{33c5}\u{1f12d}"),
    ("co", "\u{ab43}"),
    ("crn", "\u{339d}"),
    (
        "d",
        "\u{44}\u{500}\u{501}\u{13a0}\u{13e7}\u{146f}\u{15de}\u{15ea}\u{1d30}\u{1d48}\u{2145}\
         \u{2146}\u{216e}\u{217e}\u{24b9}\u{24d3}\u{a4d2}\u{a4d3}\u{ff24}\u{ff44}\u{1018b}\
         \u{1ccd9}\u{1d403}\u{1d41d}\u{1d437}\u{1d451}\u{1d46b}\u{1d485}\u{1d49f}\u{1d4b9}\
         \u{1d4d3}\u{1d4ed}\u{1d507}\u{1d521}\u{1d53b}\u{1d555}\u{1d56f}\u{1d589}\u{1d5a3}\
         \u{1d5bd}\u{1d5d7}\u{1d5f1}\u{1d60b}\u{1d625}\u{1d63f}\u{1d659}\u{1d673}\u{1d68d}\
         \u{1f133}",
    ),
    ("da", "\u{3372}"),
    ("db", "\u{33c8}"),
    ("dl", "\u{3397}"),
    ("drn", "\u{3377}"),
    (
        "e",
        "\u{45}\u{395}\u{415}\u{435}\u{4bc}\u{4bd}\u{13ac}\u{1d31}\u{1d49}\u{2091}\u{212e}\
         \u{212f}\u{2130}\u{2147}\u{22ff}\u{24ba}\u{24d4}\u{2d39}\u{a4f0}\u{a5cb}\u{ab32}\
         \u{ff25}\u{ff45}\u{10286}\u{118a6}\u{118ae}\u{1ccda}\u{1d404}\u{1d41e}\u{1d438}\
         \u{1d452}\u{1d46c}\u{1d486}\u{1d4d4}\u{1d4ee}\u{1d508}\u{1d522}\u{1d53c}\u{1d556}\
         \u{1d570}\u{1d58a}\u{1d5a4}\u{1d5be}\u{1d5d8}\u{1d5f2}\u{1d60c}\u{1d626}\u{1d640}\
         \u{1d65a}\u{1d674}\u{1d68e}\u{1d6ac}\u{1d6e6}\u{1d720}\u{1d75a}\u{1d794}\u{1df81}\
         \u{1e035}\u{1e056}\u{1f134}",
    ),
    ("erg", "\u{32cd}"),
    (
        "f",
        "\u{46}\u{192}\u{284}\u{3dc}\u{554}\u{584}\u{7d3}\u{15b4}\u{1da0}\u{1e9d}\u{20bd}\
         \u{2131}\u{24bb}\u{24d5}\u{2cc0}\u{2ce8}\u{a4dd}\u{a798}\u{a799}\u{a7f3}\u{ab35}\
         \u{ff26}\u{ff46}\u{1017e}\u{101a0}\u{10287}\u{102a5}\u{10525}\u{10798}\u{118a2}\
         \u{118c2}\u{1ccdb}\u{1d213}\u{1d405}\u{1d41f}\u{1d439}\u{1d453}\u{1d46d}\u{1d487}\
         \u{1d4bb}\u{1d4d5}\u{1d4ef}\u{1d509}\u{1d523}\u{1d53d}\u{1d557}\u{1d571}\u{1d58b}\
         \u{1d5a5}\u{1d5bf}\u{1d5d9}\u{1d5f3}\u{1d60d}\u{1d627}\u{1d641}\u{1d65b}\u{1d675}\
         \u{1d68f}\u{1d7ca}\u{1f135}",
    ),
    ("fax", "\u{213b}"),
    ("ff", "\u{fb00}"),
    ("ffi", "\u{fb03}"),
    ("ffl", "\u{fb04}"),
    ("fi", "\u{fb01}"),
    ("fl", "\u{fb02}"),
    ("frn", "\u{3399}"),
    (
        "g",
        "\u{47}\u{18d}\u{261}\u{50c}\u{551}\u{581}\u{13c0}\u{13f3}\u{1d33}\u{1d4d}\u{1d83}\
         \u{1da2}\u{210a}\u{24bc}\u{24d6}\u{a4d6}\u{a7ac}\u{ff27}\u{ff47}\u{1ccdc}\u{1d406}\
         \u{1d420}\u{1d43a}\u{1d454}\u{1d46e}\u{1d488}\u{1d4a2}\u{1d4d6}\u{1d4f0}\u{1d50a}\
         \u{1d524}\u{1d53e}\u{1d558}\u{1d572}\u{1d58c}\u{1d5a6}\u{1d5c0}\u{1d5da}\u{1d5f4}\
         \u{1d60e}\u{1d628}\u{1d642}\u{1d65c}\u{1d676}\u{1d690}\u{1f136}",
    ),
    ("gal", "\u{33ff}"),
    ("gb", "\u{3387}"),
    ("gpa", "\u{33ac}"),
    ("gy", "\u{33c9}"),
    (
        "i",
        "\u{a1}\u{131}\u{269}\u{26a}\u{3b9}\u{456}\u{552}\u{582}\u{13a5}\u{1d62}\u{1da5}\
         \u{1da6}\u{1fbe}\u{2071}\u{2139}\u{2148}\u{2170}\u{2373}\u{24d8}\u{2c93}\u{a646}\
         \u{a647}\u{ab75}\u{ff49}\u{118c3}\u{1d422}\u{1d456}\u{1d48a}\u{1d4be}\u{1d4f2}\
         \u{1d526}\u{1d55a}\u{1d58e}\u{1d5c2}\u{1d5f6}\u{1d62a}\u{1d65e}\u{1d692}\u{1d6a4}\
         \u{1d6ca}\u{1d704}\u{1d73e}\u{1d778}\u{1d7b2}\u{1e04c}\u{1e068}",
    ),
    ("ie", "\u{1df5d}"),
    ("ii", "\u{2171}"),
    ("iii", "\u{2172}"),
    ("in", "\u{33cc}"),
    ("ix", "\u{2178}"),
    (
        "k",
        "\u{4b}\u{39a}\u{41a}\u{13e6}\u{16d5}\u{1d37}\u{1d4f}\u{2096}\u{212a}\u{24c0}\u{24da}\
         \u{2c94}\u{a4d7}\u{ff2b}\u{ff4b}\u{10518}\u{1cce0}\u{1d40a}\u{1d424}\u{1d43e}\u{1d458}\
         \u{1d472}\u{1d48c}\u{1d4a6}\u{1d4c0}\u{1d4da}\u{1d4f4}\u{1d50e}\u{1d528}\u{1d542}\
         \u{1d55c}\u{1d576}\u{1d590}\u{1d5aa}\u{1d5c4}\u{1d5de}\u{1d5f8}\u{1d612}\u{1d62c}\
         \u{1d646}\u{1d660}\u{1d67a}\u{1d694}\u{1d6b1}\u{1d6eb}\u{1d725}\u{1d75f}\u{1d799}\
         \u{1f13a}",
    ),
    ("ka", "\u{3384}"),
    ("kb", "\u{3385}"),
    ("kcal", "\u{3389}"),
    ("kg", "\u{338f}"),
    ("kk", "\u{33cd}"),
    ("kl", "\u{3398}"),
    ("kpa", "\u{33aa}"),
    ("krn", "\u{339e}\u{33ce}"),
    ("kt", "\u{33cf}"),
    (
        "l",
        "\u{31}\u{49}\u{4c}\u{7c}\u{b9}\u{196}\u{1c0}\u{2e1}\u{399}\u{406}\u{4c0}\u{4cf}\u{5c0}\
         \u{5d5}\u{5df}\u{627}\u{661}\u{6f1}\u{7ca}\u{964}\u{104a}\u{13de}\u{14aa}\u{16c1}\
         \u{16d0}\u{1d35}\u{1d38}\u{2081}\u{2097}\u{2110}\u{2111}\u{2112}\u{2113}\u{2160}\
         \u{216c}\u{217c}\u{21bf}\u{2223}\u{23fd}\u{2460}\u{24be}\u{24c1}\u{24db}\u{2502}\
         \u{2503}\u{2c92}\u{2cd0}\u{2d4a}\u{2d4f}\u{a4e1}\u{a4f2}\u{a56f}\u{a780}\u{a781}\
         \u{a7ae}\u{a7fe}\u{a830}\u{a8ce}\u{aa5d}\u{fe8d}\u{fe8e}\u{ff11}\u{ff29}\u{ff2c}\
         \u{ff4c}\u{ff5c}\u{ffe8}\u{1028a}\u{10309}\u{10320}\u{1041b}\u{1050e}\u{10526}\
         \u{107b6}\u{10926}\u{10c3e}\u{10ca5}\u{10cfa}\u{11047}\u{110c0}\u{11141}\u{111c5}\
         \u{113d4}\u{1144b}\u{115c5}\u{11641}\u{118a3}\u{118b2}\u{11c41}\u{11dda}\u{11de1}\
         \u{16d63}\u{16eaa}\u{16f16}\u{16f28}\u{1ccde}\u{1cce1}\u{1ccf1}\u{1d100}\u{1d22a}\
         \u{1d377}\u{1d408}\u{1d40b}\u{1d425}\u{1d43c}\u{1d43f}\u{1d459}\u{1d470}\u{1d473}\
         \u{1d48d}\u{1d4c1}\u{1d4d8}\u{1d4db}\u{1d4f5}\u{1d50f}\u{1d529}\u{1d540}\u{1d543}\
         \u{1d55d}\u{1d574}\u{1d577}\u{1d591}\u{1d5a8}\u{1d5ab}\u{1d5c5}\u{1d5dc}\u{1d5df}\
         \u{1d5f9}\u{1d610}\u{1d613}\u{1d62d}\u{1d644}\u{1d647}\u{1d661}\u{1d678}\u{1d67b}\
         \u{1d695}\u{1d6b0}\u{1d6ea}\u{1d724}\u{1d75e}\u{1d798}\u{1d7cf}\u{1d7d9}\u{1d7e3}\
         \u{1d7ed}\u{1d7f7}\u{1e050}\u{1e141}\u{1e8c7}\u{1ed01}\u{1ee00}\u{1ee80}\u{1f138}\
         \u{1f13b}\u{1fbf1}",
    ),
    (
        "ll",
        "\u{1c1}\u{5f0}\u{965}\u{104b}\u{1efa}\u{2016}\u{2161}\u{2225}\u{246a}\u{a8cf}\u{107b7}\
         \u{11048}\u{110c1}\u{11142}\u{111c6}\u{113d5}\u{1144c}\u{11642}\u{11c42}\u{1d262}",
    ),
    ("lll", "\u{2162}\u{a516}"),
    ("ln", "\u{33d1}"),
    ("lo", "\u{42e}\u{2469}"),
    ("log", "\u{33d2}"),
    ("lrn", "\u{33d0}"),
    ("ls", "\u{2aa}\u{10799}"),
    ("lt", "\u{20b6}"),
    ("ltd", "\u{32cf}"),
    ("lu", "\u{337a}"),
    ("lx", "\u{2168}\u{33d3}"),
    (
        "n",
        "\u{4e}\u{39d}\u{548}\u{578}\u{57c}\u{1260}\u{144e}\u{1d3a}\u{207f}\u{2099}\u{2115}\
         \u{2229}\u{22c2}\u{24c3}\u{24dd}\u{2c9a}\u{a4e0}\u{a4f5}\u{ff2e}\u{ff4e}\u{10513}\
         \u{11abe}\u{16ad1}\u{1cce3}\u{1d245}\u{1d40d}\u{1d427}\u{1d441}\u{1d45b}\u{1d475}\
         \u{1d48f}\u{1d4a9}\u{1d4c3}\u{1d4dd}\u{1d4f7}\u{1d511}\u{1d52b}\u{1d55f}\u{1d579}\
         \u{1d593}\u{1d5ad}\u{1d5c7}\u{1d5e1}\u{1d5fb}\u{1d615}\u{1d62f}\u{1d649}\u{1d663}\
         \u{1d67d}\u{1d697}\u{1d6b4}\u{1d6ee}\u{1d728}\u{1d762}\u{1d79c}\u{1f13d}",
    ),
    ("na", "\u{3381}"),
    ("nf", "\u{338b}"),
    ("no", "\u{2116}"),
    ("nrn", "\u{339a}"),
    ("ns", "\u{33b1}"),
    (
        "o",
        "\u{30}\u{4f}\u{ba}\u{39f}\u{3bf}\u{3c3}\u{3ed}\u{41e}\u{43e}\u{555}\u{585}\u{5e1}\
         \u{647}\u{665}\u{6be}\u{6c1}\u{6d5}\u{6f5}\u{7c0}\u{7cb}\u{840}\u{966}\u{9e6}\u{a66}\
         \u{ae6}\u{b20}\u{b66}\u{be6}\u{c02}\u{c66}\u{c82}\u{ce6}\u{d02}\u{d20}\u{d66}\u{d82}\
         \u{e50}\u{ed0}\u{101d}\u{1040}\u{10ff}\u{110b}\u{11bc}\u{12d0}\u{17e0}\u{1a45}\u{1a80}\
         \u{1a90}\u{1bea}\u{1c82}\u{1cbf}\u{1d0f}\u{1d11}\u{1d3c}\u{1d52}\u{2070}\u{2080}\
         \u{2092}\u{2134}\u{24c4}\u{24de}\u{24ea}\u{2c9e}\u{2c9f}\u{2d54}\u{3007}\u{3147}\
         \u{3267}\u{a4f3}\u{ab3d}\u{fba6}\u{fba7}\u{fba8}\u{fba9}\u{fbaa}\u{fbab}\u{fbac}\
         \u{fbad}\u{fee9}\u{feea}\u{feeb}\u{feec}\u{ff10}\u{ff2f}\u{ff4f}\u{ffb7}\u{10292}\
         \u{102ab}\u{1030f}\u{10404}\u{1042c}\u{104c2}\u{104ea}\u{10516}\u{1092c}\u{10c17}\
         \u{10d07}\u{11124}\u{11302}\u{114d0}\u{118b5}\u{118c8}\u{118d7}\u{118e0}\u{11de0}\
         \u{16ae9}\u{1cce4}\u{1ccf0}\u{1d40e}\u{1d428}\u{1d442}\u{1d45c}\u{1d476}\u{1d490}\
         \u{1d4aa}\u{1d4de}\u{1d4f8}\u{1d512}\u{1d52c}\u{1d546}\u{1d560}\u{1d57a}\u{1d594}\
         \u{1d5ae}\u{1d5c8}\u{1d5e2}\u{1d5fc}\u{1d616}\u{1d630}\u{1d64a}\u{1d664}\u{1d67e}\
         \u{1d698}\u{1d6b6}\u{1d6d0}\u{1d6d4}\u{1d6f0}\u{1d70a}\u{1d70e}\u{1d72a}\u{1d744}\
         \u{1d748}\u{1d764}\u{1d77e}\u{1d782}\u{1d79e}\u{1d7b8}\u{1d7bc}\u{1d7ce}\u{1d7d8}\
         \u{1d7e2}\u{1d7ec}\u{1d7f6}\u{1e03c}\u{1e05c}\u{1e140}\u{1e2f0}\u{1ee24}\u{1ee64}\
         \u{1ee84}\u{1f13e}\u{1fbf0}",
    ),
    ("oe", "\u{152}\u{153}\u{a7f9}"),
    ("oi", "\u{1df5e}"),
    ("oo", "\u{1147}\u{11ee}\u{221e}\u{3180}\u{a698}\u{a699}\u{a74e}\u{a74f}"),
    ("ou", "\u{1df5f}"),
    ("oy", "\u{478}\u{479}"),
    (
        "p",
        "\u{50}\u{de}\u{fe}\u{1bf}\u{1f7}\u{3a1}\u{3c1}\u{3f1}\u{3f7}\u{3f8}\u{420}\u{440}\
         \u{13e2}\u{146d}\u{16a6}\u{1d3e}\u{1d56}\u{1d68}\u{209a}\u{2119}\u{2374}\u{24c5}\
         \u{24df}\u{2ca2}\u{2ca3}\u{2cce}\u{2ccf}\u{a4d1}\u{ff30}\u{ff50}\u{10295}\u{104c4}\
         \u{169d6}\u{1cce5}\u{1d40f}\u{1d429}\u{1d443}\u{1d45d}\u{1d477}\u{1d491}\u{1d4ab}\
         \u{1d4c5}\u{1d4df}\u{1d4f9}\u{1d513}\u{1d52d}\u{1d561}\u{1d57b}\u{1d595}\u{1d5af}\
         \u{1d5c9}\u{1d5e3}\u{1d5fd}\u{1d617}\u{1d631}\u{1d64b}\u{1d665}\u{1d67f}\u{1d699}\
         \u{1d6b8}\u{1d6d2}\u{1d6e0}\u{1d6f2}\u{1d70c}\u{1d71a}\u{1d72c}\u{1d746}\u{1d754}\
         \u{1d766}\u{1d780}\u{1d78e}\u{1d7a0}\u{1d7ba}\u{1d7c8}\u{1e03e}\u{1f13f}",
    ),
    ("pa", "\u{3380}\u{33a9}"),
    ("pc", "\u{3376}"),
    ("pf", "\u{338a}"),
    ("pprn", "\u{33d9}"),
    ("pr", "\u{33da}"),
    ("ps", "\u{33b0}"),
    ("pte", "\u{3250}"),
    (
        "r",
        "\u{52}\u{1a6}\u{24c}\u{2b3}\u{433}\u{13a1}\u{13d2}\u{1587}\u{1d26}\u{1d3f}\u{1d63}\
         \u{211b}\u{211c}\u{211d}\u{24c7}\u{24e1}\u{2c85}\u{a4e3}\u{ab47}\u{ab48}\u{ab81}\
         \u{ff32}\u{ff52}\u{104b4}\u{16a19}\u{16f35}\u{1cce7}\u{1d216}\u{1d411}\u{1d42b}\
         \u{1d445}\u{1d45f}\u{1d479}\u{1d493}\u{1d4c7}\u{1d4e1}\u{1d4fb}\u{1d52f}\u{1d563}\
         \u{1d57d}\u{1d597}\u{1d5b1}\u{1d5cb}\u{1d5e5}\u{1d5ff}\u{1d619}\u{1d633}\u{1d64d}\
         \u{1d667}\u{1d681}\u{1d69b}\u{1e033}\u{1e054}\u{1f12c}\u{1f141}",
    ),
    ("rad", "\u{33ad}"),
    (
        "rn",
        "\u{4d}\u{6d}\u{39c}\u{3fa}\u{41c}\u{560}\u{13b7}\u{15f0}\u{16d6}\u{1d39}\u{1d50}\
         \u{2098}\u{2133}\u{216f}\u{217f}\u{24c2}\u{24dc}\u{2c98}\u{a4df}\u{ff2d}\u{ff4d}\
         \u{102b0}\u{10311}\u{10c21}\u{11700}\u{118e3}\u{1cce2}\u{1d40c}\u{1d426}\u{1d440}\
         \u{1d45a}\u{1d474}\u{1d48e}\u{1d4c2}\u{1d4dc}\u{1d4f6}\u{1d510}\u{1d52a}\u{1d544}\
         \u{1d55e}\u{1d578}\u{1d592}\u{1d5ac}\u{1d5c6}\u{1d5e0}\u{1d5fa}\u{1d614}\u{1d62e}\
         \u{1d648}\u{1d662}\u{1d67c}\u{1d696}\u{1d6b3}\u{1d6ed}\u{1d727}\u{1d761}\u{1d79b}\
         \u{1f13c}",
    ),
    ("rna", "\u{3383}"),
    ("rnb", "\u{3386}\u{33d4}\u{1f76b}"),
    ("rnc", "\u{1f16a}"),
    ("rnd", "\u{1f16b}"),
    ("rng", "\u{338e}"),
    ("rnil", "\u{33d5}"),
    ("rnl", "\u{3396}"),
    ("rnol", "\u{33d6}"),
    ("rnpa", "\u{33ab}"),
    ("rnr", "\u{1f16c}"),
    ("rnrn", "\u{339c}"),
    ("rns", "\u{33b3}"),
    ("rs", "\u{20a8}"),
    (
        "s",
        "\u{53}\u{17f}\u{1bd}\u{2e2}\u{405}\u{455}\u{54f}\u{d1f}\u{10bd}\u{10fd}\u{13d5}\
         \u{13da}\u{1cbd}\u{209b}\u{24c8}\u{24e2}\u{a4e2}\u{a576}\u{a731}\u{a7f1}\u{abaa}\
         \u{ff33}\u{ff53}\u{10296}\u{10420}\u{10448}\u{118a1}\u{118c1}\u{16ad6}\u{16f3a}\
         \u{1cce8}\u{1d412}\u{1d42c}\u{1d446}\u{1d460}\u{1d47a}\u{1d494}\u{1d4ae}\u{1d4c8}\
         \u{1d4e2}\u{1d4fc}\u{1d516}\u{1d530}\u{1d54a}\u{1d564}\u{1d57e}\u{1d598}\u{1d5b2}\
         \u{1d5cc}\u{1d5e6}\u{1d600}\u{1d61a}\u{1d634}\u{1d64e}\u{1d668}\u{1d682}\u{1d69c}\
         \u{1e069}\u{1f142}",
    ),
    ("sd", "\u{1f14c}"),
    ("sr", "\u{33db}"),
    ("srn", "\u{2120}"),
    ("ss", "\u{1f14d}"),
    ("sss", "\u{1f75c}"),
    ("st", "\u{fb05}\u{fb06}"),
    (
        "t",
        "\u{54}\u{3a4}\u{422}\u{7e0}\u{13a2}\u{1d40}\u{1d57}\u{209c}\u{22a4}\u{24c9}\u{24e3}\
         \u{27d9}\u{2ca6}\u{3112}\u{4e05}\u{a4d4}\u{a50b}\u{ff34}\u{ff54}\u{10297}\u{102b1}\
         \u{10315}\u{118bc}\u{16f0a}\u{1cce9}\u{1d373}\u{1d413}\u{1d42d}\u{1d447}\u{1d461}\
         \u{1d47b}\u{1d495}\u{1d4af}\u{1d4c9}\u{1d4e3}\u{1d4fd}\u{1d517}\u{1d531}\u{1d54b}\
         \u{1d565}\u{1d57f}\u{1d599}\u{1d5b3}\u{1d5cd}\u{1d5e7}\u{1d601}\u{1d61b}\u{1d635}\
         \u{1d64f}\u{1d669}\u{1d683}\u{1d69d}\u{1d6bb}\u{1d6f5}\u{1d72f}\u{1d769}\u{1d7a3}\
         \u{1f143}\u{1f768}",
    ),
    ("tel", "\u{2121}"),
    ("tf", "\u{a777}"),
    ("trn", "\u{2122}"),
    ("ts", "\u{2a6}\u{107ac}"),
    (
        "u",
        "\u{55}\u{1b2}\u{28b}\u{3c5}\u{54d}\u{57d}\u{1200}\u{144c}\u{1d1c}\u{1d41}\u{1d58}\
         \u{1d64}\u{1db8}\u{1db9}\u{222a}\u{22c3}\u{24ca}\u{24e4}\u{a4f4}\u{a79f}\u{ab4e}\
         \u{ab52}\u{ab5f}\u{ff35}\u{ff55}\u{104ce}\u{104f6}\u{118b8}\u{118d8}\u{16f42}\u{1ccea}\
         \u{1d414}\u{1d42e}\u{1d448}\u{1d462}\u{1d47c}\u{1d496}\u{1d4b0}\u{1d4ca}\u{1d4e4}\
         \u{1d4fe}\u{1d518}\u{1d532}\u{1d54c}\u{1d566}\u{1d580}\u{1d59a}\u{1d5b4}\u{1d5ce}\
         \u{1d5e8}\u{1d602}\u{1d61c}\u{1d636}\u{1d650}\u{1d66a}\u{1d684}\u{1d69e}\u{1d6d6}\
         \u{1d710}\u{1d74a}\u{1d784}\u{1d7be}\u{1f144}",
    ),
    ("ue", "\u{1d6b}"),
    ("uo", "\u{ab63}"),
    (
        "x",
        "\u{58}\u{d7}\u{2e3}\u{3a7}\u{425}\u{445}\u{1541}\u{157d}\u{166d}\u{166e}\u{16b7}\
         \u{1763}\u{1bec}\u{1cf5}\u{2093}\u{2169}\u{2179}\u{24cd}\u{24e7}\u{2573}\u{292b}\
         \u{292c}\u{2a2f}\u{2cac}\u{2d5d}\u{a4eb}\u{a7b3}\u{ff38}\u{ff58}\u{10290}\u{102b4}\
         \u{10317}\u{10322}\u{10527}\u{10c13}\u{10c82}\u{10cc2}\u{10cfc}\u{118ec}\u{1cced}\
         \u{1d417}\u{1d431}\u{1d44b}\u{1d465}\u{1d47f}\u{1d499}\u{1d4b3}\u{1d4cd}\u{1d4e7}\
         \u{1d501}\u{1d51b}\u{1d535}\u{1d54f}\u{1d569}\u{1d583}\u{1d59d}\u{1d5b7}\u{1d5d1}\
         \u{1d5eb}\u{1d605}\u{1d61f}\u{1d639}\u{1d653}\u{1d66d}\u{1d687}\u{1d6a1}\u{1d6be}\
         \u{1d6f8}\u{1d732}\u{1d76c}\u{1d7a6}\u{1e043}\u{1e061}\u{1f147}",
    ),
    ("xi", "\u{217a}"),
    ("xii", "\u{217b}"),
    ("xl", "\u{216a}"),
    ("xll", "\u{216b}"),
    (
        "y",
        "\u{59}\u{194}\u{263}\u{28f}\u{2b8}\u{2e0}\u{393}\u{3a5}\u{3b3}\u{3d2}\u{413}\u{423}\
         \u{443}\u{4ae}\u{4af}\u{7cc}\u{10e7}\u{13a9}\u{13b1}\u{13bd}\u{14a5}\u{1ca7}\u{1d5e}\
         \u{1d67}\u{1d8c}\u{1efe}\u{1eff}\u{209e}\u{213d}\u{213e}\u{24ce}\u{24e8}\u{2c84}\
         \u{2ca8}\u{2ca9}\u{311a}\u{4e2b}\u{a4ec}\u{a7e2}\u{ab5a}\u{ff39}\u{ff59}\u{102b2}\
         \u{1050f}\u{107b2}\u{10c20}\u{118a4}\u{118c4}\u{118dc}\u{16f07}\u{16f43}\u{1ccee}\
         \u{1d418}\u{1d432}\u{1d44c}\u{1d466}\u{1d480}\u{1d49a}\u{1d4b4}\u{1d4ce}\u{1d4e8}\
         \u{1d502}\u{1d51c}\u{1d536}\u{1d550}\u{1d56a}\u{1d584}\u{1d59e}\u{1d5b8}\u{1d5d2}\
         \u{1d5ec}\u{1d606}\u{1d620}\u{1d63a}\u{1d654}\u{1d66e}\u{1d688}\u{1d6a2}\u{1d6aa}\
         \u{1d6bc}\u{1d6c4}\u{1d6e4}\u{1d6f6}\u{1d6fe}\u{1d71e}\u{1d730}\u{1d738}\u{1d758}\
         \u{1d76a}\u{1d772}\u{1d792}\u{1d7a4}\u{1d7ac}\u{1dfd0}\u{1e041}\u{1e04f}\u{1e05f}\
         \u{1f148}",
    ),
];

#[cfg(all(test, feature = "unicode"))]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn both_ways_of_looking_agree_about_every_character() {
        let reserved = ["system:masters", "kubeadm:", "front-proxy-client", "aggregator"];
        let letters: String = reserved.iter().map(|name| text::look(name)).collect();
        // No imitator lies beyond the third plane.
        for c in (0..0x0003_0000_u32).filter_map(char::from_u32) {
            let name = c.to_string();
            let full = text::look(&name);
            if !full.is_empty() && full.chars().all(|c| letters.contains(c)) {
                assert_eq!(look(&name), full, "U+{:04X}", u32::from(c));
            } else {
                let short = look(&name);
                assert!(
                    !short.chars().any(|c| letters.contains(c)),
                    "U+{:04X} {full}",
                    u32::from(c)
                );
            }
        }
    }

    #[test]
    fn whole_names_look_reserved_in_both_ways() {
        for name in [
            "system:masters",
            "System:Masters",
            "ѕystem:nodes",
            "system：nodes",
            "ｓｙｓｔｅｍ:x",
            "systern:x",
            "sys\u{200b}tem:x",
            " kubeadm:x",
            "𝗸𝘂𝗯𝗲𝗮𝗱𝗺:x",
            "front–proxy–client",
            "aggregat0r",
            "alice",
            "",
        ] {
            for wanted in ["system:", "kubeadm:", "front-proxy-client", "aggregator"] {
                let full = text::look(name).starts_with(&text::look(wanted));
                assert_eq!(look(name).starts_with(&look(wanted)), full, "{name} {wanted}");
            }
        }
    }
}
