/* The wakeup function: once per batch of work, on another thread, and never after removal. */
#include "check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t called = PTHREAD_COND_INITIALIZER;
static int calls;
static alitv_client *client;

static void wakeup(void *user_data) {
  const alitv_event *event;
  CHECK(user_data == &calls);
  CHECK(alitv_next_event(client, 0, &event) == ALITV_E_REENTRANT);
  CHECK(alitv_dispatch(client, 0) == ALITV_E_REENTRANT);
  CHECK(alitv_request(client, "status", NULL, 0, NULL) == ALITV_E_REENTRANT);
  CHECK(alitv_set_wakeup(client, NULL, NULL) == ALITV_E_REENTRANT);
  alitv_destroy(client); /* refused as well */
  pthread_mutex_lock(&mutex);
  calls++;
  pthread_cond_signal(&called);
  pthread_mutex_unlock(&mutex);
}

static void wait_for_call(int wanted) {
  pthread_mutex_lock(&mutex);
  while (calls < wanted) pthread_cond_wait(&called, &mutex);
  pthread_mutex_unlock(&mutex);
}

static int count(void) {
  int now;
  pthread_mutex_lock(&mutex);
  now = calls;
  pthread_mutex_unlock(&mutex);
  return now;
}

static void answer_comes(void) {
  const alitv_event *event;
  int before = count();
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  for (;;) {
    wait_for_call(++before);
    while (alitv_next_event(client, 0, &event) == 1)
      if (event->kind == ALITV_EVENT_REPLY) return;
  }
}

int main(void) {
  const alitv_event *event;
  int i, now;
  client = open_client();
  await_kind(client, ALITV_EVENT_ONLINE);
  EXPECT(alitv_set_wakeup(client, wakeup, &calls), ALITV_OK);
  for (i = 0; i < 20; i++) answer_comes();

  /* Work that nobody looks at is not announced twice. */
  while (alitv_next_event(client, 20, &event) == 1) continue;
  now = count();
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  wait_for_call(now + 1);
  now = count();
  usleep(100 * 1000);
  CHECK(count() == now);

  EXPECT(alitv_set_wakeup(client, NULL, NULL), ALITV_OK);
  now = count();
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  await_kind(client, ALITV_EVENT_REPLY);
  CHECK(count() == now);
  EXPECT(alitv_set_wakeup(client, wakeup, &calls), ALITV_OK);
  alitv_destroy(client); /* joins the thread */
  return 0;
}
