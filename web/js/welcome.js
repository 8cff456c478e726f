// What somebody sees who is not signed in: the way in, and the way to an account.

import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { signIn } from "./session.js";

export function welcomeView({ back = "/", wrong = "" } = {}) {
  const said = h("p", { class: "wrong", role: "alert", hidden: wrong === "" }, wrong);
  const field = (label, name, more) => h("label", {}, label, h("input", { name, required: true, ...more }));
  const button = h("button", { class: "pill strong wide" }, "Sign up");
  const form = h(
    "form",
    { class: "fields", onsubmit: signUp, "aria-label": "Sign up" },
    h("h2", {}, "New here?"),
    field("Handle", "handle", { autocomplete: "username", autocapitalize: "none", spellcheck: "false", maxlength: "15", pattern: "[A-Za-z0-9_]+", title: "Letters, digits and _" }),
    field("Name", "display_name", { autocomplete: "name", maxlength: "50", dir: "auto" }),
    field("Password", "password", { type: "password", autocomplete: "new-password", minlength: "10", maxlength: "128" }),
    button,
  );

  function complain(what) {
    said.textContent = what;
    said.hidden = what === "";
  }

  async function signUp(event) {
    event.preventDefault();
    button.disabled = true;
    complain("");
    try {
      const { handle, display_name: name, password } = form.elements;
      const made = await api.signUp({ handle: handle.value, display_name: name.value, password: password.value });
      // The issuer asks for the password once more: it gives tokens to nobody else.
      await signIn({ handle: made.handle, back });
    } catch (error) {
      complain(error.message);
      button.disabled = false;
    }
  }

  return h(
    "main",
    { class: "welcome", id: "main", tabindex: "-1" },
    h("div", { class: "hero" }, h("span", { class: "logo" }, icon("bird")), h("h1", {}, "Aviary"), h("p", {}, "What is happening, from those you follow, the newest first.")),
    h(
      "div",
      { class: "door" },
      said,
      h("button", { type: "button", class: "pill strong wide", onclick: () => signIn({ back }).catch((error) => complain(error.message)) }, "Sign in"),
      h("p", { class: "or" }, "or"),
      form,
    ),
  );
}
