/* The daemon dies while we talk to it, again and again; SIGPIPE has its default action. */
#include "check.h"

int main(void) {
  alitv_client *client = open_client();
  const alitv_event *event;
  int offline = 0, tries = 0;
  struct sigaction action;
  CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  while (offline < 4) {
    alitv_result sent = alitv_request(client, "status", NULL, 0, NULL);
    CHECK(sent == ALITV_OK || sent == ALITV_E_LIMIT);
    while (alitv_next_event(client, 20, &event) == 1) {
      if (event->kind == ALITV_EVENT_OFFLINE) offline++;
      if (event->kind == ALITV_EVENT_REPLY) CHECK(event->result == ALITV_E_OFFLINE);
    }
    CHECK(++tries < 10000);
  }
  CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  alitv_destroy(client);
  return 0;
}
