/** A form that does one thing, says what went wrong beside it, and cannot be sent twice. */

/**
 * @param {HTMLFormElement} form
 * @param {() => Promise<string>} act returns where to go then; empty to stay
 */
export function onSubmit(form, act) {
  const button = form.querySelector("button");
  const trouble = form.querySelector(".refused");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    trouble.hidden = true;
    try {
      const next = await act();
      if (next) location.assign(next);
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
      button.disabled = false;
    }
  });
}
