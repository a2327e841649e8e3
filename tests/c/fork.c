/* After fork the child has nothing of the parent's client but the duty to leave it alone. */
#include "check.h"

static void in_child(alitv_client *client, int fd) {
  const alitv_event *event;
  alitv_pay_params params = gems("A");
  alitv_client *own;
  EXPECT(alitv_next_event(client, 0, &event), ALITV_E_FORKED);
  EXPECT(alitv_dispatch(client, 0), ALITV_E_FORKED);
  EXPECT(alitv_pay(client, &params, 0, NULL), ALITV_E_FORKED);
  EXPECT(alitv_interrupt(client), ALITV_E_FORKED);
  EXPECT(alitv_set_wakeup(client, NULL, NULL), ALITV_E_FORKED);
  EXPECT(alitv_fd(client), ALITV_E_FORKED);
  alitv_destroy(client);
  CHECK(fcntl(fd, F_GETFD) == -1);
  EXPECT(alitv_fd(client), ALITV_E_HANDLE);
  own = open_client();
  await_kind(own, ALITV_EVENT_ONLINE);
  alitv_destroy(own);
}

static void nothing(void *user_data) { (void)user_data; }

int main(void) {
  alitv_client *client = open_client();
  int status, fd = alitv_fd(client);
  pid_t child;
  await_kind(client, ALITV_EVENT_ONLINE);
  EXPECT(alitv_set_wakeup(client, nothing, NULL), ALITV_OK);
  CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    in_child(client, fd);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  /* The parent's client is as it was. */
  EXPECT(alitv_request(client, "status", NULL, 0, NULL), ALITV_OK);
  CHECK(await_kind(client, ALITV_EVENT_REPLY)->result == ALITV_OK);
  alitv_destroy(client);
  return 0;
}
