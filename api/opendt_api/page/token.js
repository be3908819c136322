// The bearer token: kept in this tab only, asked for when the API wants one.

const KEY = "opendt-token";
let asking = null;

export const token = () => sessionStorage.getItem(KEY);

// True when there is another token than the refused one. Whoever asks while the dialog is open waits for the same answer.
export function askToken(refused) {
  if (token() !== refused) return Promise.resolve(true);
  asking ??= ask(refused).finally(() => { asking = null; });
  return asking;
}

function ask(refused) {
  sessionStorage.removeItem(KEY);
  const dialog = document.getElementById("token");
  const text = document.getElementById("token-text");
  document.getElementById("token-why").textContent = refused ? "That token is not known here." : "";
  text.value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  text.focus();
  document.getElementById("token-cancel").onclick = () => dialog.close("cancel");
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" ? text.value.trim() : "";
      text.value = "";
      if (given) sessionStorage.setItem(KEY, given);
      resolve(Boolean(given));
    }, { once: true });
  });
}
