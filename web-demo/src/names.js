// Names of files and points in time, for people.

import { language } from "./texts.js";

// Letters that Unicode does not take apart.
const LETTERS = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

/** What files of a user and day are called: `jurgen-gross-2026-11-30`, with a number from the second on. */
export function stemOf(user, count, now = new Date()) {
  const plain = user.normalize("NFKD").toLowerCase().replace(/(?<=\p{Script=Latin}\p{M}*)\p{M}/gu, "").normalize().replace(/[ßæœøłđðþı]/g, (c) => LETTERS[c]);
  const words = [...plain.replace(/[^\p{L}\p{M}\p{N}.]+/gu, "-")].slice(0, 40).join("").replace(/^[-.]+|[-.]+$/g, "");
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((n) => String(n).padStart(2, "0")).join("-");
  return [words || "user", day, ...(count > 1 ? [count] : [])].join("-");
}

const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];

/** A point in time in words, with the date: `in 30 days (30 December 2026, 10:15)`. */
export function when(seconds, now = Date.now() / 1000) {
  const left = seconds - now;
  const [unit, length] = UNITS.find(([, l]) => Math.abs(left) >= 1.5 * l) ?? UNITS.at(-1);
  const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(Math.trunc(left / length), unit);
  const date = new Intl.DateTimeFormat(language(), { dateStyle: "long", timeStyle: "short" }).format(seconds * 1000);
  return `${words} (${date})`;
}

/** A calendar file that reminds of something a week before, or at once. */
export function calendar(title, seconds, uid) {
  const stamp = (time) => `${new Date(time * 1000).toISOString().replace(/[-:]|\.\d+/g, "")}`;
  const now = Date.now() / 1000;
  const at = Math.max(seconds - 7 * 86400, now + 300);
  const plain = title.replace(/[\\;,]/g, "\\$&").replace(/\s/g, " ");
  return ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:kubectl-usercert", "BEGIN:VEVENT", `UID:${uid}`, `DTSTAMP:${stamp(now)}`,
    `DTSTART:${stamp(at)}`, `SUMMARY:${plain}`, "BEGIN:VALARM", "ACTION:DISPLAY", `DESCRIPTION:${plain}`, "TRIGGER:PT0S", "END:VALARM",
    "END:VEVENT", "END:VCALENDAR", ""].join("\r\n");
}
