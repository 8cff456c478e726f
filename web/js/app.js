// Where it begins: who is signed in, and which view the address asks for.

import { api } from "./api.js";
import { openComposer } from "./compose.js";
import { h, icon, say } from "./dom.js";
import { pageHead } from "./feed.js";
import { homeView } from "./home.js";
import { listenToKeys } from "./keyboard.js";
import { mutedView } from "./muted.js";
import { notificationsView } from "./notifications.js";
import { profileView } from "./profile.js";
import { requestsView } from "./requests.js";
import { followLinks, routeOf } from "./router.js";
import { searchView } from "./search.js";
import { comeBack, isSignedIn, signOut } from "./session.js";
import { shell } from "./shell.js";
import { threadView } from "./thread.js";
import { welcomeView } from "./welcome.js";

const UNREAD_EVERY_MS = 30_000;
const TITLES = { home: "Home", search: "Search", notifications: "Notifications", requests: "Follow requests", muted: "Muted words", thread: "Post" };
const VIEWS = {
  home: homeView,
  search: searchView,
  notifications: notificationsView,
  requests: requestsView,
  muted: mutedView,
  profile: profileView,
  thread: threadView,
};

const app = document.getElementById("app");
let me = null;
let frame = null;
let leaving = new AbortController();
let ownPosted = null;
let shown = "";

// The edge takes `//x` for `/x`, and the browser for another host.
const address = () => location.pathname.replace(/^\/+/, "/") + location.search;

async function start() {
  let wrong = history.state?.ended ?? "";
  let back = address();
  if (routeOf(location.pathname).name === "callback") {
    back = "/";
    try {
      back = await comeBack();
    } catch (error) {
      wrong = error.message;
    }
    history.replaceState(null, "", back);
  }
  if (!isSignedIn()) return welcome(back, wrong);
  try {
    me = (await api.me()).user;
  } catch (error) {
    return isSignedIn() ? failed(error) : welcome(back, error.message);
  }
  frame = shell(me, { go, write, leave });
  app.replaceChildren(frame.element);
  listenToKeys({ go, write, me: () => me });
  followLinks(go);
  // Within a page, as by the skip link, nothing is to be shown anew.
  addEventListener("popstate", () => shown !== address() && open());
  addEventListener("aviary:profile", refreshMe);
  addEventListener("aviary:requests", () => askForRequests().catch(() => {}));
  askForUnread();
  setInterval(askForUnread, UNREAD_EVERY_MS);
  await open();
}

function welcome(back, wrong) {
  document.title = "Aviary";
  app.replaceChildren(welcomeView({ back, wrong }));
}

function failed(error) {
  const again = h("button", { type: "button", class: "pill", onclick: () => location.reload() }, "Try again");
  app.replaceChildren(h("main", { class: "empty", id: "main", tabindex: "-1" }, h("h1", {}, "Aviary"), h("p", {}, error.message), again));
}

function go(path) {
  if (path !== address()) history.pushState(null, "", path);
  return open();
}

/** Show what the address asks for. */
async function open() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  shown = address();
  const focused = document.activeElement;
  const { name, ...parts } = routeOf(location.pathname);
  const back = h("button", { type: "button", class: "round", "aria-label": "Back", onclick: () => (history.length > 1 ? history.back() : go("/")) }, icon("back"));
  document.title = TITLES[name] ? `${TITLES[name]} · Aviary` : "Aviary";
  frame.at(location.pathname);
  ownPosted = null;
  const made = {
    ...parts,
    me,
    back,
    signal,
    go,
    leave,
    query: new URLSearchParams(location.search),
    read: () => frame.unread(0, false),
    onPosted: (take) => {
      ownPosted = take;
    },
  };
  let view;
  try {
    view = await (VIEWS[name] ?? nowhere)(made);
  } catch (error) {
    view = h("div", {}, pageHead("Not there", { back }), h("p", { class: "empty" }, error.message));
  }
  if (signal.aborted) return; // somebody went on meanwhile
  frame.main.replaceChildren(view);
  scrollTo({ top: 0 });
  // Who went on to another field meanwhile stays there.
  if ([focused, document.body].includes(document.activeElement)) frame.main.focus({ preventScroll: true });
}

const nowhere = ({ back }) => h("div", {}, pageHead("Not there", { back }), h("p", { class: "empty" }, "There is no such page."));

function write() {
  openComposer(me, {}, (tweet) => ownPosted?.(tweet));
}

/** Begin anew, without what was shown and what listens and asks for it. */
function end() {
  history.replaceState({ ended: "Your session has ended. Please sign in again." }, "", address());
  location.reload();
}

async function leave() {
  leaving.abort();
  // Not to be seen by who goes back to it: browsers keep pages as they were.
  app.replaceChildren();
  await signOut();
  location.assign("/");
}

async function refreshMe() {
  me = (await api.me()).user;
  await Promise.all([open(), askForRequests()]);
}

async function askForUnread() {
  if (document.hidden) return;
  try {
    const { unread_count: number, has_more: more } = await api.unreadCount();
    frame.unread(number, more);
    await askForRequests();
  } catch {
    if (!isSignedIn()) end();
  }
}

/** How many wait for an answer; of an account that is open none do. */
async function askForRequests() {
  if (!me.protected) return frame.asking(me, 0, false);
  const { users, next_cursor: more } = await api.requests();
  return frame.asking(me, users.length, more !== undefined);
}

start().catch((error) => {
  say(error.message, { bad: true });
  failed(error);
});
