/* Who plays: signs in with a QR code, shows name and points, signs out.
 *
 *   account            signs in if nobody is signed in, and says who plays
 *   account change     lets somebody else sign in
 *   account logout     signs out
 *
 * Uses the daemon. Exit: 0 as wanted, 1 the player gave up or it failed, 2 trouble. */
#include <stdio.h>
#include <string.h>

#include "alitv_pay.h"

struct game {
  alitv_client *client;
  alitv_op logout;
  int over;
  int status;
};

static void finish(struct game *game, int status) {
  game->over = 1;
  game->status = status;
}

static void refused(struct game *game) {
  fprintf(stderr, "account: %s\n", alitv_last_error());
  finish(game, 2);
}

static void show_qr(const char *qr_text, uint32_t expires_s, const alitv_event *event,
                    void *user_data) {
  (void)user_data;
  printf("scan to %s: %s (%u s)\n", event->account->authorise ? "authorise" : "sign in",
         qr_text, (unsigned)expires_s);
  fflush(stdout);
}

static void signed_in(uint32_t from, const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  printf("signed in %s%s\n", event->account->user_id,
         from == ALITV_AUTH_FROM_CALL ? "" : " (elsewhere)");
  if (alitv_user_info(game->client, 0, NULL) != ALITV_OK) refused(game);
}

static void gave_up(const alitv_event *event, void *user_data) {
  (void)event;
  printf("gave up\n");
  finish(user_data, 1);
}

static void failed(alitv_result code, const char *text, const alitv_event *event,
                   void *user_data) {
  (void)event;
  printf("%s: %s\n", alitv_result_name(code), text);
  finish(user_data, 1);
}

static void told_user(const alitv_user *user, const alitv_event *event, void *user_data) {
  (void)event;
  /* Without the player's consent there is no name. */
  printf("player %s %s", user->user_id, *user->nick ? user->nick : "(no name)");
  if (user->has_points) printf(", %ld points", (long)user->points);
  printf("\n");
  finish(user_data, 0);
}

/* Comes at any time: the player can sign out in the settings of the box. */
static void signed_out(const alitv_event *event, void *user_data) {
  (void)event;
  (void)user_data;
  printf("signed out\n");
}

static void on_event(const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  if (event->kind == ALITV_EVENT_OFFLINE) {
    fprintf(stderr, "account: waiting for the daemon: %s\n", event->message);
  } else if (event->kind == ALITV_EVENT_REPLY && event->op == game->logout) {
    if (event->result != ALITV_OK) printf("%s\n", event->message);
    finish(game, event->result == ALITV_OK ? 0 : 1);
  }
}

static int listen_to(struct game *game) {
  alitv_callbacks callbacks;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_event = on_event;
  callbacks.on_auth_qr = show_qr;
  callbacks.on_auth_success = signed_in;
  callbacks.on_auth_cancel = gave_up;
  callbacks.on_auth_error = failed;
  callbacks.on_logout = signed_out;
  callbacks.on_user_info = told_user;
  callbacks.on_user_info_error = failed;
  return alitv_set_callbacks(game->client, &callbacks, game) == ALITV_OK;
}

/* What was asked for on the command line: negative if it was refused. */
static int begin(struct game *game, const char *what) {
  uint32_t flags = strcmp(what, "change") == 0 ? ALITV_AUTH_CHANGE_USER : 0;
  int authorised;
  if (strcmp(what, "logout") == 0) return alitv_logout(game->client, 0, &game->logout);
  authorised = alitv_auth(game->client, flags, 0, NULL);
  if (authorised != 1) return authorised;
  return alitv_user_info(game->client, 0, NULL);
}

int main(int argc, char **argv) {
  struct game game = {NULL, 0, 0, 2};
  alitv_options options;
  ALITV_STRUCT_INIT(&options);
  if (alitv_init(&options, &game.client) != ALITV_OK || !listen_to(&game) ||
      begin(&game, argc > 1 ? argv[1] : "login") < 0)
    refused(&game);
  while (!game.over)
    if (alitv_dispatch(game.client, 1000) < 0) refused(&game);
  alitv_destroy(game.client);
  return game.status;
}
