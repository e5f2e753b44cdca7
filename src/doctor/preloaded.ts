// Names of browsers' HSTS preload list, subdomains included: a name below one of them is never asked for over http.
//
// What this is: every top-level domain and every public suffix of two labels that the list of Chromium 156.0.8078.79 (its state of
// 2026-10-28) holds whole, 70 names, found by asking that browser (chrome://net-internals/#hsts) for all 7,500 of them.
// What it is not: the list itself, whose 100,000 and more single domains change daily. To stay in it they have to send
// includeSubDomains themselves, which checks/hsts.ts sees; one that stopped sending it and is still listed is missed. The
// doctor says so, and test/doctor/preloaded.ts holds the names against the Chromium that is installed.

/** where a person looks up what this does not know */
export const PRELOAD_LOOKUP = 'hstspreload.org';

export const PRELOADED: ReadonlySet<string> = new Set(
  [
    // top-level domains
    'amazon android app audible azure bank bing boo channel chrome dad day dev eat esq fire fly foo fujitsu gle',
    'gmail google hangout hotmail imdb ing insurance kindle meet meme microsoft mov new nexus office page phd play',
    'prime prof rsvp search silk skype windows xbox xn--cckwcxetd xn--jlq480n2rg youtube zappos zip',
    // suffixes below which anybody has a name
    'addr.tools bmoattachments.org cnpy.gdn co.fo com.fo ewp.live exe.xyz fbsbx.com fedoraproject.org fspages.org',
    'gentapps.com mygov.scot mytuleap.com now.sh preview.site salesforce.com withgoogle.com withyoutube.com xmit.co',
  ].flatMap((line) => line.split(' ')),
);
