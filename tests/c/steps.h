/* For programs that act out a play with their engine: after each step() what the test's script
 * has told is in the socket of every client. */
#ifndef STEPS_H
#define STEPS_H

#include "check.h"

/* Asks the script for its next step, and waits until it is done. */
static inline void step(void) {
  static alitv_client *stepper;
  if (!stepper) stepper = open_client();
  EXPECT(alitv_request(stepper, "step", NULL, 0, NULL), ALITV_OK);
  CHECK(await_kind(stepper, ALITV_EVENT_REPLY)->result == ALITV_OK);
}

/* Delivers what has come, and waits for nothing. */
static inline void settle(alitv_client *client) {
  int32_t delivered;
  do delivered = alitv_dispatch(client, 0);
  while (delivered > 0);
  CHECK(delivered == 0);
}

#define DISPATCH_UNTIL(client, condition) \
  while (!(condition)) CHECK(alitv_dispatch(client, LONG_MS) >= 0)

static inline int same(const char *one, const char *other) { return strcmp(one, other) == 0; }

#endif
