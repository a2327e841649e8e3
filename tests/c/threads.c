/* Waiting on one thread, everything else on others: interrupt from a signal handler, BUSY,
 * and a destroy under the feet of the one who waits. */
#include "check.h"

static alitv_client *client;
static volatile sig_atomic_t handled;

static void on_alarm(int number) {
  (void)number;
  if (alitv_interrupt(client) == ALITV_OK) handled = 1;
}

static void interrupt_from_a_handler(void) {
  const alitv_event *event;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  alarm(1);
  CHECK(alitv_next_event(client, -1, &event) == 0);
  CHECK(handled);
  EXPECT(alitv_interrupt(client), ALITV_OK);
  CHECK(alitv_next_event(client, -1, &event) == 0);
  CHECK(alitv_next_event(client, 0, &event) == 0);
}

static void *wait_on(void *user_data) {
  const alitv_event *event;
  int32_t got;
  (void)user_data;
  do got = alitv_next_event(client, -1, &event);
  while (got == ALITV_E_BUSY);
  return (void *)(intptr_t)got;
}

static void *ask_often(void *user_data) {
  int i;
  (void)user_data;
  for (i = 0; i < 200; i++) {
    alitv_result sent = alitv_request(client, "status", NULL, 0, NULL);
    CHECK(sent == ALITV_OK || sent == ALITV_E_LIMIT);
  }
  return NULL;
}

static void destroy_under_a_waiter(void) {
  pthread_t thread;
  const alitv_event *event;
  void *result;
  int32_t got;
  CHECK(pthread_create(&thread, NULL, wait_on, NULL) == 0);
  do got = alitv_next_event(client, 0, &event);
  while (got == 0);
  CHECK(got == ALITV_E_BUSY);
  alitv_destroy(client);
  CHECK(pthread_join(thread, &result) == 0);
  CHECK((intptr_t)result == ALITV_E_HANDLE);
}

int main(void) {
  const alitv_event *event;
  pthread_t threads[4];
  int i, replies = 0;
  client = open_client();
  await_kind(client, ALITV_EVENT_ONLINE);
  interrupt_from_a_handler();
  for (i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, ask_often, NULL) == 0);
  while (replies < 64) {
    CHECK(alitv_next_event(client, LONG_MS, &event) == 1);
    replies += event->kind == ALITV_EVENT_REPLY;
  }
  for (i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  while (alitv_next_event(client, 200, &event) == 1) continue;
  destroy_under_a_waiter();
  return 0;
}
