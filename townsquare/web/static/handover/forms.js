/** Forms that ask the server for one act. What is refused is said in the form. */

/** @param {HTMLFormElement | null} form @param {(form: HTMLFormElement, button: string) => Promise<void>} act */
export function on(form, act) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const trouble = form.querySelector(".refused");
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    trouble.hidden = true;
    try {
      await act(form, event.submitter?.name ?? "");
    } catch (refused) {
      trouble.textContent = refused.message;
      trouble.hidden = false;
    }
    for (const button of buttons) button.disabled = false;
  });
}
