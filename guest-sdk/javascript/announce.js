// A rule in JavaScript: tells a channel about new merge requests that are no drafts.

import { all } from "hookbox:rule/settings@0.1.0";

/**
 * What the operator wrote under `[settings]`.
 * @typedef {{ channel: string, ignore?: string }} Settings
 *
 * The parts of an event that this rule reads; `wit/event.wit` has all of them.
 * @typedef {{ number: bigint, title: string, change: string, draft: boolean }} MergeRequest
 * @typedef {{ tag: string, val?: MergeRequest }} Subject
 * @typedef {{ subject: Subject, actor?: { name: string }, url?: string }} Event
 *
 * @typedef {{ actions: object[], reason?: string }} Decision
 */

/** What the server calls: the interface `evaluator` of `wit/world.wit`. */
export const evaluator = {
  /** Says who this rule is, and what it asks for. */
  describe() {
    return {
      name: "announce",
      version: "0.1.0",
      summary: "Tells a channel about new merge requests.",
      authors: [],
      subjects: ["merge-request"],
      channels: [],
      commands: [],
      settings: [
        {
          name: "channel",
          summary: "Where they are told.",
          kind: "channel",
          required: true,
        },
        {
          name: "ignore",
          summary: "Titles to leave alone, as a regular expression.",
          kind: "text",
          required: false,
        },
      ],
    };
  },

  /** Checks the settings. What is thrown is the `failure` of `wit/action.wit`, and refuses them. */
  configure() {
    const { ignore } = settings();
    try {
      new RegExp(ignore ?? "");
    } catch (error) {
      throw { tag: "settings", val: `\`ignore\` is no regular expression: ${error.message}` };
    }
  },

  /**
   * Decides what to do about one event.
   * @param {Event} event
   * @returns {Decision}
   */
  evaluate({ subject, actor, url }) {
    if (subject.tag !== "merge-request") return nothing(`a ${subject.tag} is no merge request`);
    const { number, title, change, draft } = subject.val;
    if (change !== "opened") return nothing("it was there before");
    if (draft) return nothing("it is a draft");
    const { channel, ignore } = settings();
    if (ignore && new RegExp(ignore).test(title)) return nothing("its title is to be ignored");

    const notification = {
      channel,
      title: `!${number} ${title}`,
      text: `by ${actor?.name ?? "nobody known"}`,
      url,
      fields: [],
      mentions: [],
    };
    return { actions: [{ tag: "notify", val: notification }] };
  },
};

/** @returns {Settings} */
function settings() {
  return JSON.parse(all());
}

/**
 * @param {string} reason why nothing is done, for whoever asks later
 * @returns {Decision}
 */
function nothing(reason) {
  return { actions: [], reason };
}
