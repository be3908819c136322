// Talking to the API: a token where it wants one, problem documents as errors.

import { askToken, token } from "./token.js";

export class ApiError extends Error {
  constructor(status, problem) {
    super([problem.detail ?? problem.title ?? `HTTP ${status}`, problem.hint].filter(Boolean).join(". "));
    this.status = status;
    this.problem = problem;
  }
}

// One request; `parameters` without null. Asks for a token when it is refused for want of one, and tries again.
export async function request(path, { parameters = {}, body = null, headers = {}, signal = undefined } = {}) {
  const query = new URLSearchParams(Object.entries(parameters).flatMap(([name, value]) => [value].flat().filter((v) => v !== null && v !== undefined && v !== "").map((v) => [name, v])));
  const url = `${path}${query.size ? `?${query}` : ""}`;
  for (;;) {
    const used = token();
    const answer = await fetch(url, {
      method: body === null ? "GET" : "POST",
      headers: { ...headers, ...(used ? { Authorization: `Bearer ${used}` } : {}), ...(body === null ? {} : { "Content-Type": "application/json" }) },
      body: body === null ? undefined : JSON.stringify(body),
      signal,
    });
    if (answer.ok) return answer;
    const problem = await answer.json().catch(() => ({}));
    if (answer.status !== 401) throw new ApiError(answer.status, problem);
    if (!(await askToken(used))) throw new ApiError(401, problem);
  }
}

export const get = async (path, parameters = {}) => (await request(path, { parameters })).json();
export const ofDatacenter = (name, rest) => `api/v1/datacenters/${encodeURIComponent(name)}/${rest}`;
