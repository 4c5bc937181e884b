//! The code that is read out: asked for on both sides, and in no file that travels.

use crate::cases;
use crate::trial::Trial;

cases!(the_admin_is_asked_for_the_code, the_person_is_asked_for_the_code, text_for_a_chat);

const ASKED: &str = "or Enter to continue without it: ";

fn the_admin_is_asked_for_the_code(trial: &Trial) {
    let (admin, user) = (trial.admin(), trial.user("code"));
    let code = admin.run(&["request", &user]).ok().never_shows("--expect").code_shown();
    let approve = ["approve", &user];
    // Another code, by one letter.
    let last = if code.ends_with('0') { "1" } else { "0" };
    let typo = format!("{}{last}", &code[..code.len() - 1]);
    let mut terminal = admin.on_terminal(&approve);
    assert!(terminal.says(ASKED).contains(&format!("Code that {user} read to you")));
    terminal.answer(&typo).exits(3).says(&["group 4 differs", "check the code for a typo"]);
    // No code at all is asked for once more.
    let mut terminal = admin.on_terminal(&approve);
    terminal.says(ASKED);
    terminal.press("hello");
    assert!(terminal.says(ASKED).contains("is not a code"));
    terminal.press(&code);
    terminal.asked();
    terminal.answer("n").exits(3);
    let mut terminal = admin.on_terminal(&approve);
    terminal.says(ASKED);
    terminal.press("");
    terminal.asked();
    terminal.answer("y").ok();
    let robot = trial.user("robot");
    admin.run(&["request", &robot]).ok();
    admin.run(&["approve", &robot, "--yes"]).ok().says(&["the code was not compared"]);
}

fn the_person_is_asked_for_the_code(trial: &Trial) {
    let (admin, newcomer, user) = (trial.admin(), trial.newcomer(), trial.user("asked"));
    let request = newcomer.run(&["request", &user, "--offline", "-o", "yaml"]).ok().stdout;
    admin.write("r.yaml", &request);
    let args = ["approve", "-f", "r.yaml", "--yes", "--reply", "reply"];
    let approved = admin.run(&args).ok();
    let codes: Vec<&str> =
        approved.stderr.lines().filter_map(|line| line.strip_prefix("Code ")).collect();
    let code = codes.last().expect("the reply's code").trim();
    let reply = admin.read("reply");
    assert!(!reply.contains(code), "what travels with the reply proves nothing");
    newcomer.write("reply", &reply);
    let install = ["install", "--reply", "reply"];
    let mut terminal = newcomer.on_terminal(&install);
    terminal.says(ASKED);
    terminal.answer("0000-0000-0000-0000").exits(3).says(&["check the code for a typo"]);
    assert!(!newcomer.has(".kube/config"));
    let mut terminal = newcomer.on_terminal(&install);
    terminal.says(ASKED);
    terminal.answer(code).ok();
    assert_eq!(newcomer.whoami(&newcomer.context_of(&user)).0, user);
}

fn text_for_a_chat(trial: &Trial) {
    let (admin, newcomer, user) = (trial.admin(), trial.newcomer(), trial.user("chat"));
    let args = ["request", &user, "-g", "dev", "--expires", "7d", "--offline"];
    let request = newcomer.run(&args).ok().stdout;
    let head =
        format!("User:   {user}\nGroups: dev\n\n-----BEGIN KUBERNETES ACCESS REQUEST-----\n");
    assert!(request.starts_with(&head), "{request}");
    let pasted: String = request.lines().map(|line| format!("> {line}\n")).collect();
    let pasted = format!("Jane wrote:\n{pasted}\nplease?\n");
    let approve = ["approve", "-f", "-", "--yes", "--reply", "-"];
    let approved = admin.run_with(&approve, pasted.as_bytes()).ok().says(&["7d after", "dev"]);
    assert!(approved.stdout.contains("-----BEGIN KUBERNETES ACCESS REPLY-----"));
    let answer = format!("```\n{}```\n", approved.stdout);
    newcomer.run_with(&["install", "--reply", "-", "--yes"], answer.as_bytes()).ok();
    assert_eq!(newcomer.whoami(&newcomer.context_of(&user)).0, user);
}
