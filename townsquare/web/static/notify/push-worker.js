/** Shows what the town sends to this browser, also while no page of it is open. */

self.addEventListener("push", (event) => {
  const told = event.data.json();
  // The same tag replaces what was shown before, so a call that comes twice is seen once.
  const shown = { body: told.text, tag: told.id, requireInteraction: told.urgent, data: { link: told.link } };
  event.waitUntil(self.registration.showNotification(told.title, shown));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.link));
});
