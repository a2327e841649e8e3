/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * alitv_pay.h - Alipay QR payments for native games and firmware on TV boxes, with the
 * accounts, lotteries, gifts and web pages of the platform.
 * Generated from src/ffi. Do not edit; run `make header`.
 *
 *   The player sees a QR code on the TV, scans it with a phone and pays; the game learns
 *   what happened. Once a payment is accepted it reaches exactly one final state, through
 *   any power cut, crash or network, and that state is told again and again until the game
 *   says that it has stored it. What is not known is said to be unknown, never failed.
 *
 *
 * A COMPLETE PROGRAM
 *
 *   #include "alitv_pay.h"
 *   #include <stdio.h>
 *
 *   static int over;
 *
 *   static void on_qr(const char *order_id, const char *qr_text, uint32_t expires_s,
 *                     const alitv_event *event, void *user_data) {
 *     (void)event, (void)user_data;
 *     printf("order %s: scan %s within %u s\n", order_id, qr_text, (unsigned)expires_s);
 *   }
 *
 *   static int on_pay_success(const char *order_id, const char *title, int64_t amount_fen,
 *                             const alitv_event *event, void *user_data) {
 *     (void)event, (void)user_data;
 *     printf("paid %ld fen for %s: deliver order %s\n", (long)amount_fen, title, order_id);
 *     over = 1;
 *     return 1;
 *   }
 *
 *   static void on_pay_error(alitv_result code, const char *title, int64_t amount_fen,
 *                            const char *text, const alitv_event *event, void *user_data) {
 *     (void)title, (void)amount_fen, (void)event, (void)user_data;
 *     printf("not paid, %s: %s\n", alitv_result_name(code), text);
 *     over = 1;
 *   }
 *
 *   static void on_pay_cancel(const char *title, int64_t amount_fen,
 *                             const alitv_event *event, void *user_data) {
 *     (void)title, (void)amount_fen, (void)user_data;
 *     printf("not paid: %s\n", event->state_name);
 *     over = 1;
 *   }
 *
 *   int main(void) {
 *     alitv_options options;
 *     alitv_callbacks callbacks;
 *     alitv_pay_params params;
 *     alitv_client *client;
 *     int failed;
 *
 *     ALITV_STRUCT_INIT(&options);
 *     if (alitv_init(&options, &client) != ALITV_OK) {
 *       fprintf(stderr, "%s\n", alitv_last_error());
 *       return 1;
 *     }
 *     ALITV_STRUCT_INIT(&callbacks);
 *     callbacks.on_qr = on_qr;
 *     callbacks.on_pay_success = on_pay_success;
 *     callbacks.on_pay_error = on_pay_error;
 *     callbacks.on_pay_cancel = on_pay_cancel;
 *     failed = alitv_set_callbacks(client, &callbacks, NULL);
 *
 *     ALITV_STRUCT_INIT(&params);
 *     params.title = "60 gems";
 *     params.amount_fen = 600;
 *     failed = failed || alitv_pay(client, &params, 0, NULL);
 *     if (failed) fprintf(stderr, "%s\n", alitv_last_error());
 *     while (!failed && !over) failed = alitv_dispatch(client, 16) < 0;
 *     alitv_destroy(client);
 *     return failed;
 *   }
 *
 *   cc pay.c $(pkg-config --cflags --libs alitv-pay). Without a daemon it waits; `alitv-pay
 *   demo` shows it all with a sandbox in place of the gateway.
 *
 *
 * HOUSE RULES, for every function unless it says otherwise
 *
 *  - A request is queued (ALITV_OK) or refused (negative; alitv_last_error says which field
 *    and which bound). What comes of it arrives as an event. Nothing waits for network or
 *    disk, so nothing holds up a frame; only alitv_next_event and alitv_dispatch wait at
 *    all, as long as you tell them to.
 *  - Any thread may call. One at a time takes events. No callback runs except inside
 *    alitv_dispatch, on the thread that called it, with no lock held.
 *  - Strings in are NUL-terminated UTF-8 and are copied. Strings out belong to the library;
 *    nothing is ever passed to free(). Out parameters are written only on success.
 *  - Structs that you fill begin with struct_size: clear them with ALITV_STRUCT_INIT, which
 *    sets it. Zero is the default of every field. That is how an old program runs with a new
 *    library, and a new one with an old library as long as it sets no new field.
 *  - Structs that you read (alitv_event and what it points to) grow at their end: read them
 *    through the pointer. Lists are arrays of pointers to structs, with a NULL behind them.
 *  - An alitv_client * is not an address. A wrong or destroyed one is ALITV_E_HANDLE.
 *  - In daemon mode no thread is started, but for alitv_set_wakeup. No signal handler, no
 *    atexit, no setenv; a daemon that dies raises no SIGPIPE. All descriptors are closed on
 *    exec. After fork the child may only call alitv_destroy on its parent's clients;
 *    everything else is ALITV_E_FORKED.
 *
 *
 * THE LIFE OF A PAYMENT
 *
 *   alitv_pay ---> ORDER created ---> QR, ORDER pending <--> ORDER scanned
 *       |             |                     |                    |
 *       |             +----------+----------+--------------------+
 *       |                        |  alitv_cancel, or time ran out
 *       v                        v
 *     REPLY, refused      ORDER closing: hide the code, wait
 *                                |
 *                                v
 *     final:  ORDER paid | cancelled | expired | failed | refunded
 *
 *   ORDER unknown may stand in for created, pending and scanned while the gateway cannot be
 *   reached: keep waiting. Paid can follow every state that is not final, also closing.
 *   Accepted means the ORDER event "created". Before that a payment is only queued in this
 *   process. If no order id is given one is made, and order_id_out has it at once: a game
 *   that stores its own order id before it asks can ask again after a crash, and the player
 *   is never charged twice. alitv_pay is for games without a server, alitv_pay_from_server
 *   for orders that a server has made, alitv_repay for subscriptions.
 *
 *
 * ACCOUNT, DRAWS, GIFTS, PAGES
 *
 *   A payment needs nobody to be signed in; user info, draws and gifts do. alitv_is_auth says
 *   whether somebody is, alitv_auth has the player sign in with a QR code and tells exactly
 *   one end: success, error or cancel. Signing out can happen at any time.
 *
 *   alitv_lottery_draw --> DRAW created --> DRAW won | lost | failed
 *   alitv_gift_take -----> GIFT created --> GIFT granted | failed
 *
 *   Both go the way of a payment: written down before the platform hears of them, UNKNOWN
 *   while it cannot be reached, told again until they are acknowledged, never done twice. A
 *   gift that was granted is the player's once it is acknowledged; the platform is told then.
 *
 *   The library shows no page: alitv_web_open gives the host a URL, and the host says with
 *   alitv_web_closed when the player has closed it. One that is forgotten counts as closed
 *   after a while.
 *
 *
 * WHO ACKNOWLEDGES WHAT
 *
 *   A final state comes again (after every ONLINE, and after 1 s, 5 s, 30 s, 5 min and then
 *   every hour) until it is acknowledged, by
 *    - alitv_ack(client, order_id, sequence) with order_id and sequence of the event; or
 *    - on_pay_success, on_draw of a win or on_gift returning non-zero; if that callback is
 *      NULL, only by alitv_ack; or
 *    - any other callback of a final state returning; and at once if it is NULL and on_event
 *      is NULL too, since then nobody wants to know.
 *   Deliver goods on ALITV_STATE_PAID, _WON and _GRANTED and on nothing else. In one
 *   transaction of your own store: if the order_id (draw_id, id of the gift) is new, store it
 *   and the goods. Then acknowledge. That way a crash at any moment neither loses goods nor
 *   delivers them twice.
 *
 *
 * WHICH LOOP
 *
 *   game loop           alitv_dispatch(client, 0) once per frame
 *   SDL, message loop   alitv_set_wakeup to post a message, then alitv_dispatch(client, 0)
 *   poll, epoll, GLib,  alitv_fd, then alitv_dispatch(client, 0)
 *     Qt, libuv
 *   service, script     alitv_next_event(client, timeout_ms, &event)
 *   a thread of yours   the same, and alitv_interrupt to stop it
 */
#ifndef ALITV_PAY_H
#define ALITV_PAY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ALITV_VERSION_MAJOR 0
#define ALITV_VERSION_MINOR 1
#define ALITV_VERSION_PATCH 0
/** What alitv_version_number of the same version returns. */
#define ALITV_VERSION_NUMBER \
  ((ALITV_VERSION_MAJOR << 16) | (ALITV_VERSION_MINOR << 8) | ALITV_VERSION_PATCH)

#if defined(__GNUC__) || defined(__clang__)
#  define ALITV_API __attribute__((visibility("default")))
#  define ALITV_MUST_USE __attribute__((warn_unused_result))
#else
#  define ALITV_API
#  define ALITV_MUST_USE
#endif

/** Zero a parameter struct and stamp its size. Call it before filling in fields. */
#define ALITV_STRUCT_INIT(p) \
  (memset((p), 0, sizeof *(p)), (void)((p)->struct_size = (uint32_t)sizeof *(p)))

/** Use the daemon. */
#define ALITV_MODE_DAEMON 0

/** Run the engine in this process, on one background thread, with its own journal. */
#define ALITV_MODE_EMBEDDED 1

/** Money is real. */
#define ALITV_ENVIRONMENT_PRODUCTION 0

/** No money moves. */
#define ALITV_ENVIRONMENT_SANDBOX 1

/** No LOG events. */
#define ALITV_LOG_OFF 0

/** Somebody has to do something. */
#define ALITV_LOG_ERROR 1

/** It works, but not as it should. */
#define ALITV_LOG_WARN 2

/** Milestones. */
#define ALITV_LOG_INFO 3

/** Every step. */
#define ALITV_LOG_DEBUG 4

/** Nobody is signed in. */
#define ALITV_ACCOUNT_SIGNED_OUT 0

/** Somebody is signed in, who has not authorised the app. */
#define ALITV_ACCOUNT_SIGNED_IN 1

/** Somebody is signed in and has authorised the app. */
#define ALITV_ACCOUNT_AUTHORISED 2

/** Begun; there is no code yet. */
#define ALITV_AUTH_STARTED 1

/** Show qr_text as a QR code. */
#define ALITV_AUTH_CODE 2

/** The player has opened the code on a phone. */
#define ALITV_AUTH_SCANNED 3

/** Ended: the player is signed in and has authorised the app. */
#define ALITV_AUTH_SUCCESS 16

/** Ended: given up, on the box or on the phone. */
#define ALITV_AUTH_CANCELLED 17

/** Ended otherwise; result and message say why. */
#define ALITV_AUTH_FAILED 18

/** An alitv_auth of this client has ended well. */
#define ALITV_AUTH_FROM_CALL 0

/** Somebody else has signed in: another client of the app, or the firmware. */
#define ALITV_AUTH_FROM_ELSEWHERE 2

/**
 * Sign in anew even if somebody is signed in (changeAccount). The old user stays until the
 * new one is there.
 */
#define ALITV_AUTH_CHANGE_USER 1

/** Room for any order id and its NUL. */
#define ALITV_ORDER_ID_SIZE 65

/** Charged every month, at most 12 times. */
#define ALITV_INTERVAL_MONTH 1

/** Charged every three months, at most 4 times. */
#define ALITV_INTERVAL_SEASON 2

/**
 * Not final, or final and not acknowledged: what a game has to look after at its start.
 */
#define ALITV_ORDERS_UNFINISHED 0

/** Not final. */
#define ALITV_ORDERS_OPEN 1

/** Final and not acknowledged. */
#define ALITV_ORDERS_UNACKED 2

/** All that the journal still has. */
#define ALITV_ORDERS_ALL 3

/** The order, draw or gift is final and was acknowledged. */
#define ALITV_FLAG_ACKED 1

/** ORDERS, ACTIVITIES, GIFTS: there are more than were listed. */
#define ALITV_FLAG_MORE 2

/** Shown when the game starts (openWebviewOnStart). */
#define ALITV_WEB_START 1

/** Shown when the game wants it (openWebview). */
#define ALITV_WEB_CUSTOM 2

/** Shown before the game quits (openWebviewOnExit). */
#define ALITV_WEB_EXIT 3

/** Free draws only. */
#define ALITV_LUCKY_FREE 1

/** Each draw costs points. */
#define ALITV_LUCKY_CONSUMING 2

/** Free draws first, then points. */
#define ALITV_LUCKY_MIXED 3

/** Waits to be taken. */
#define ALITV_GIFT_PENDING 1

/** Was given out. */
#define ALITV_GIFT_ACTIVATED 2

/** Was not taken in time. */
#define ALITV_GIFT_EXPIRED 3

/** The platform has been told that the gift was given out. */
#define ALITV_FLAG_ACTIVATED 4

/** Room for the largest code: 177 * 177 modules. */
#define ALITV_QR_SIZE_MAX 31329

/** Room for any text of alitv_get_qr_url and its NUL. */
#define ALITV_QR_URL_SIZE 1025

/**
 * One connection to the payment engine. Opaque; made by alitv_init. It is not an address: a
 * destroyed or foreign one is ALITV_E_HANDLE.
 */
typedef struct alitv_client alitv_client;

/**
 * Result of a call: ALITV_OK, or a negative ALITV_E_* value. The same numbers are the error
 * codes of the daemon protocol and the `result` of an event. Values are never renumbered and
 * never reused; treat an unknown one as a failure.
 */
typedef int32_t alitv_result;

/**
 * State of an order, of a draw (CREATED, UNKNOWN, WON, LOST, FAILED) or of a gift that is
 * taken (CREATED, UNKNOWN, GRANTED, FAILED): ALITV_STATE_*. New states may appear; see
 * alitv_state_is_final.
 */
typedef uint32_t alitv_state;

/** Options for alitv_init. Zero means default for every field. */
typedef struct alitv_options {
  /** sizeof(alitv_options) as the caller was compiled; set by ALITV_STRUCT_INIT. */
  uint32_t struct_size;
  /** ALITV_MODE_*. */
  uint32_t mode;
  /**
   * Progress events held before some are dropped, up to 4096. 0: 64. Final states and
   * answers have places of their own.
   */
  uint32_t events_max;
  /** ALITV_LOG_*: events of kind ALITV_EVENT_LOG up to this level. */
  uint32_t log_level;
  /** 1: alitv_pay is allowed while another payment is on screen. */
  uint32_t multiple;
  /**
   * Embedded mode without config_path: ALITV_ENVIRONMENT_*. The sandbox allows a
   * gateway_url with http.
   */
  uint32_t environment;
  /**
   * Daemon mode: its socket. NULL: $ALITV_PAY_SOCKET, else
   * /run/alitv-pay/alitv-pay.sock, else, without root,
   * $XDG_RUNTIME_DIR/alitv-pay/alitv-pay.sock.
   */
  const char *socket_path;
  /**
   * Daemon mode: content of the app's token file, where one user runs all games. NULL: none.
   */
  const char *token;
  /** AppKey of the game. NULL if the user, or the configuration, has only one. */
  const char *app_key;
  /**
   * Embedded mode: configuration file, as the daemon has it. With it the following must
   * be NULL. Daemon mode: must be NULL, as the following.
   */
  const char *config_path;
  /**
   * Embedded mode without config_path: secret of the app. It never leaves this process.
   */
  const char *app_secret;
  /** Embedded mode without config_path: URL of the gateway. */
  const char *gateway_url;
  /**
   * Embedded mode without config_path: directory of the journal, on storage that survives
   * a power cut and a reinstallation.
   */
  const char *journal_dir;
} alitv_options;

/** What an event is about: ALITV_EVENT_*. Ignore kinds you do not know. */
typedef uint32_t alitv_event_kind;

/** Identifies one accepted request within a client. Never 0, never reused. */
typedef uint64_t alitv_op;

/**
 * Something that can be won, or that was. Read through the pointer only, as an alitv_event
 * is. String fields are UTF-8 and never NULL.
 */
typedef struct alitv_award {
  /** How many units. */
  int64_t amount;
  /** Worth in fen, 0 if the platform did not say. */
  int64_t price_fen;
  /** Kind of award as the platform numbers it, 0 if it did not say. Opaque. */
  int32_t award_type;
  /** 0. */
  uint32_t reserved;
  /** The platform's number of the award. */
  const char *award_id;
  /** What it is called. */
  const char *name;
  /** Name of its kind. */
  const char *type_name;
  /** Unit of amount; may be "". */
  const char *unit;
  /**
   * Where a physical award is claimed or a discount is used: show it as a QR code. "" if
   * there is no such place.
   */
  const char *hyperlink_url;
  /** What to write beside that code. */
  const char *hyperlink_desc;
  /** One line about it, if it was won. */
  const char *simple_desc;
  /** Everything about it, if it was won. */
  const char *full_desc;
} alitv_award;

/**
 * One order as it stands. Belongs to the event that lists it, and is read through the pointer
 * only, as an alitv_event is. String fields are UTF-8 and never NULL; those that do not apply
 * are "".
 */
typedef struct alitv_order {
  /** What alitv_ack names. */
  uint64_t sequence;
  /** Total in fen. */
  int64_t amount_fen;
  /** When it was accepted, Unix milliseconds by the clock of the box. */
  int64_t created_ms;
  /** When it was paid, Unix milliseconds by the clock of the gateway, or 0. */
  int64_t paid_ms;
  /** ALITV_STATE_*. */
  alitv_state state;
  /** ALITV_OK, or why it is UNKNOWN or FAILED. */
  alitv_result result;
  /** Seconds that qr_text stays valid, or 0. */
  uint32_t expires_s;
  /** ALITV_FLAG_ACKED or 0. */
  uint32_t flags;
  /** The merchant's order number. */
  const char *order_id;
  /** The app that sells. */
  const char *app_key;
  /** What the payer reads. */
  const char *title;
  /** Merchant's product id. */
  const char *subject_id;
  /** The gateway's own trade number. */
  const char *trade_no;
  /** The code to show, while one may be shown. */
  const char *qr_text;
  /** The gateway's error code, verbatim. */
  const char *gateway_code;
  /** For logs, in English; not for players. */
  const char *message;
  /** "sandbox" or "production". */
  const char *environment;
  /** As alitv_state_name has it. */
  const char *state_name;
  /** First charge of a subscription: ALITV_INTERVAL_*. Otherwise 0. */
  uint32_t interval;
  /** Entries of awards. */
  uint32_t awards_count;
  /** "month", "season" or "". */
  const char *interval_name;
  /** PAID: what the payer won by paying. Deliver it with the goods. */
  const struct alitv_award *const *awards;
} alitv_order;

/**
 * The account of an app, and the sign-in that is going on or has just ended. Read through
 * the pointer only, as an alitv_event is. String fields are UTF-8 and never NULL.
 */
typedef struct alitv_account {
  /** Grows with everything that is told of the account while the engine runs. */
  uint64_t sequence;
  /** ALITV_ACCOUNT_*. */
  uint32_t state;
  /** SUCCESS: ALITV_AUTH_FROM_*. */
  uint32_t from;
  /** ALITV_AUTH_*: how the sign-in stands, 0 without one. 16 and above have ended. */
  uint32_t phase;
  /** 1: the player is signed in already and is asked to authorise the app. */
  uint32_t authorise;
  /** FAILED: why. CANCELLED: ALITV_E_AUTH_CANCELLED. */
  alitv_result result;
  /** Seconds that qr_text stays valid, or 0. */
  uint32_t expires_s;
  /** The app. */
  const char *app_key;
  /** Who is signed in. */
  const char *user_id;
  /** Names the sign-in. */
  const char *attempt;
  /**
   * The code to show, while one may be shown; a browser of the box may open it as well.
   */
  const char *qr_text;
  /** For logs, in English; not for players. */
  const char *message;
} alitv_account;

/**
 * Who plays. Read through the pointer only, as an alitv_event is. String fields are UTF-8 and
 * never NULL.
 */
typedef struct alitv_user {
  /** Points, if has_points is 1. */
  int64_t points;
  /** 1 if the platform has told the points. */
  uint32_t has_points;
  /** 0. */
  uint32_t reserved;
  /** The platform's id. */
  const char *user_id;
  /** Name; "" unless the platform lets the app have it and the player has agreed. */
  const char *nick;
  /** Picture, an http or https URL; "" as nick. */
  const char *avatar_url;
} alitv_user;

/**
 * A page that is or was open. Read through the pointer only, as an alitv_event is. String
 * fields are UTF-8 and never NULL.
 */
typedef struct alitv_web {
  /** ALITV_WEB_*. */
  uint32_t kind;
  /** 1: show url. 0: take it off the screen. */
  uint32_t open;
  /**
   * Of a closed one: ALITV_OK, or ALITV_E_TIMEOUT if nobody said in time that it is closed.
   */
  alitv_result result;
  /** 0. */
  uint32_t reserved;
  /** Names this opening of the page: what alitv_web_closed wants. */
  const char *web_id;
  /** What to show, with its parameters. */
  const char *url;
  /** The app. */
  const char *app_key;
} alitv_web;

/**
 * What the platform has switched on for an app. Read through the pointer only, as an
 * alitv_event is. String fields are UTF-8 and never NULL.
 */
typedef struct alitv_profile {
  /** 1: subscriptions may be sold. */
  uint32_t renewal;
  /** Bit 1 << ALITV_WEB_*: there is such a page. */
  uint32_t pages;
  /** As alitv_get_qr_url has it. */
  const char *qr_url;
} alitv_profile;

/**
 * A lottery. Read through the pointer only, as an alitv_event is. String fields are UTF-8 and
 * never NULL.
 */
typedef struct alitv_activity {
  /** Points for a draw, 0 for none. */
  int64_t consume_amount;
  /** Free draws that the player has left. */
  int64_t access_amount;
  /** ALITV_LUCKY_*. */
  uint32_t lucky_type;
  /** Entries of awards. */
  uint32_t awards_count;
  /** The platform's number. */
  const char *activity_id;
  /** What alitv_lottery_draw names. */
  const char *event_key;
  /** What it is called. */
  const char *name;
  /** "yyyy-MM-dd HH:mm:ss" in GMT+8. */
  const char *start_time;
  /** As start_time. */
  const char *end_time;
  /** A page about it, for a QR code; may be "". */
  const char *activity_url;
  /** What can be won. */
  const struct alitv_award *const *awards;
} alitv_activity;

/**
 * One draw as it stands. Read through the pointer only, as an alitv_event is. String fields
 * are UTF-8 and never NULL.
 */
typedef struct alitv_draw {
  /** What alitv_ack names, beside draw_id. */
  uint64_t sequence;
  /** When it was accepted, Unix milliseconds by the clock of the box. */
  int64_t created_ms;
  /** Points left, or -1 if the platform did not say. */
  int64_t points_left;
  /** Free draws left, or -1 if the platform did not say. */
  int64_t free_left;
  /** ALITV_STATE_CREATED, _UNKNOWN, _WON, _LOST or _FAILED. */
  alitv_state state;
  /** ALITV_OK, or why it is UNKNOWN or FAILED. */
  alitv_result result;
  /** ALITV_FLAG_ACKED or 0. */
  uint32_t flags;
  /** 0. */
  uint32_t reserved;
  /** The draw: what alitv_ack names. */
  const char *draw_id;
  /** The app. */
  const char *app_key;
  /** Which activity. */
  const char *event_key;
  /** Who draws. */
  const char *user_id;
  /** The gateway's error code, verbatim, such as "POINTS_NOT_ENOUGH". */
  const char *gateway_code;
  /** For logs, in English; not for players. */
  const char *message;
  /** As alitv_state_name has it. */
  const char *state_name;
  /** WON: what. Otherwise NULL. */
  const struct alitv_award *award;
} alitv_draw;

/**
 * A gift of the player, as the platform lists it. Read through the pointer only, as an
 * alitv_event is. String fields are UTF-8 and never NULL.
 */
typedef struct alitv_gift {
  /** What alitv_gift_take names. */
  int64_t gift_id;
  /** ALITV_GIFT_*. */
  uint32_t status;
  /** 0. */
  uint32_t reserved;
  /** The merchant's item. */
  const char *cp_item_id;
} alitv_gift;

/**
 * A gift that is being taken, as it stands. Read through the pointer only, as an alitv_event
 * is. String fields are UTF-8 and never NULL.
 */
typedef struct alitv_gift_taking {
  /** What alitv_ack names, beside id. */
  uint64_t sequence;
  /** The platform's number. */
  int64_t gift_id;
  /** When it was accepted, Unix milliseconds by the clock of the box. */
  int64_t created_ms;
  /** ALITV_STATE_CREATED, _UNKNOWN, _GRANTED or _FAILED. */
  alitv_state state;
  /** ALITV_OK, or why it is UNKNOWN or FAILED. */
  alitv_result result;
  /** ALITV_FLAG_ACKED, ALITV_FLAG_ACTIVATED. */
  uint32_t flags;
  /** 0. */
  uint32_t reserved;
  /** "gift-" and gift_id: what alitv_ack names. */
  const char *id;
  /** GRANTED: the merchant's item. */
  const char *cp_item_id;
  /** The app. */
  const char *app_key;
  /** Whose gift it is. */
  const char *user_id;
  /** The gateway's error code, verbatim. */
  const char *gateway_code;
  /** For logs, in English; not for players. */
  const char *message;
  /** As alitv_state_name has it. */
  const char *state_name;
} alitv_gift_taking;

/**
 * One event. Owned by the client and valid until the next alitv_next_event, alitv_dispatch or
 * alitv_destroy on it. Read it through the pointer only: do not declare, copy or take the
 * size of one, because later versions append fields. String fields are UTF-8 and never NULL;
 * those that do not apply are "", numbers that do not apply are 0.
 */
typedef struct alitv_event {
  /** ALITV_EVENT_*. */
  alitv_event_kind kind;
  /**
   * ALITV_OK, or why the request was refused, the order, draw or gift is UNKNOWN or FAILED,
   * the sign-in ended, or the engine is OFFLINE. REFUNDED has ALITV_E_REFUNDED.
   */
  alitv_result result;
  /** The request this answers, or 0. */
  alitv_op op;
  /** The tag given with that request, or 0. */
  uint64_t tag;
  /**
   * Grows with every event of an order, draw or gift; the larger one is newer. alitv_ack
   * names it.
   */
  uint64_t sequence;
  /** Total of the order in fen. */
  int64_t amount_fen;
  /**
   * When the order, draw or gift was accepted, Unix milliseconds by the clock of the box.
   */
  int64_t created_ms;
  /** When it was paid, Unix milliseconds by the clock of the gateway. */
  int64_t paid_ms;
  /** ALITV_STATE_*. */
  alitv_state state;
  /** OVERFLOW: events dropped. ORDERS, ACTIVITIES, GIFTS: entries. LOG: level. */
  uint32_t count;
  /** QR, AUTH: seconds that the code stays valid. */
  uint32_t expires_s;
  /** ALITV_FLAG_*. */
  uint32_t flags;
  /** The merchant's order number; of DRAW and GIFT their id. What alitv_ack names. */
  const char *order_id;
  /** The app. */
  const char *app_key;
  /** What the payer reads. */
  const char *title;
  /** Merchant's product id. */
  const char *subject_id;
  /** The gateway's own trade number. */
  const char *trade_no;
  /** The code to show, while one may be shown. */
  const char *qr_text;
  /** The gateway's error code, verbatim, such as "ACQ.SYSTEM_ERROR". */
  const char *gateway_code;
  /** For logs, in English; not for players. */
  const char *message;
  /**
   * "sandbox" or "production", once the engine has said so: in the sandbox no money moves.
   */
  const char *environment;
  /** As alitv_state_name has it. */
  const char *state_name;
  /** REPLY to alitv_request: the result, or the whole error, as JSON. */
  const char *json;
  /** ORDERS: `count` pointers, oldest order first. Otherwise NULL. */
  const struct alitv_order *const *orders;
  /** First charge of a subscription: ALITV_INTERVAL_*. Otherwise 0. */
  uint32_t interval;
  /** PAID: entries of awards. */
  uint32_t awards_count;
  /** "month", "season" or "". */
  const char *interval_name;
  /**
   * PAID: what the payer won by paying. Deliver it with the goods. NULL where there is no
   * order.
   */
  const struct alitv_award *const *awards;
  /** AUTH, LOGOUT. Otherwise NULL. */
  const struct alitv_account *account;
  /** USER. Otherwise NULL. */
  const struct alitv_user *user;
  /** WEB. Otherwise NULL. */
  const struct alitv_web *web;
  /** PROFILE. Otherwise NULL. */
  const struct alitv_profile *profile;
  /** ACTIVITIES: `count` pointers. Otherwise NULL. */
  const struct alitv_activity *const *activities;
  /** DRAW. Otherwise NULL. */
  const struct alitv_draw *draw;
  /** GIFTS: `count` pointers. Otherwise NULL. */
  const struct alitv_gift *const *gifts;
  /** GIFT. Otherwise NULL. */
  const struct alitv_gift_taking *gift;
} alitv_event;

/**
 * The callbacks of a client: the listeners of the Java SDK as one table. NULL for those that
 * are not wanted. They run inside alitv_dispatch, on the thread that called it, with no lock
 * held; they may call any function but alitv_next_event and alitv_dispatch. alitv_destroy
 * takes effect once the callback has returned, and no other callback runs. They must not
 * throw, longjmp or exit the thread.
 *
 * `event` is the whole event, valid until the callback returns; `user_data` is what
 * alitv_set_callbacks was given. Strings are never NULL.
 *
 * Who acknowledges: on_pay_success, on_draw of a win and on_gift by their return value; if they
 * are NULL, nobody but alitv_ack. The other final states are acknowledged when their callback
 * returns, and at once if both their callback and on_event are NULL.
 */
typedef struct alitv_callbacks {
  /** sizeof(alitv_callbacks) as the caller was compiled; set by ALITV_STRUCT_INIT. */
  uint32_t struct_size;
  /** Must be 0. */
  uint32_t reserved;
  /** Every event, before the callback that is named after it. Acknowledges nothing. */
  void (*on_event)(const struct alitv_event *event, void *user_data);
  /** The engine answered for the first time. */
  void (*on_init_finish)(void *user_data);
  /**
   * The engine has not answered yet, and why. Not the end: the library keeps trying, and
   * on_init_finish follows when it does.
   */
  void (*on_init_error)(alitv_result code, const char *text, void *user_data);
  /** Show this code. */
  void (*on_qr)(const char *order_id,
                const char *qr_text,
                uint32_t expires_s,
                const struct alitv_event *event,
                void *user_data);
  /**
   * PAID. Store order_id and goods in one transaction, unless order_id is stored already,
   * and return non-zero when that is done: this acknowledges it. Return 0 if it could not
   * be stored: it comes again.
   */
  int (*on_pay_success)(const char *order_id,
                        const char *title,
                        int64_t amount_fen,
                        const struct alitv_event *event,
                        void *user_data);
  /**
   * FAILED, REFUNDED (code ALITV_E_REFUNDED), or the engine did not accept a payment that
   * alitv_pay had queued. Never called because an outcome is unknown.
   */
  void (*on_pay_error)(alitv_result code,
                       const char *title,
                       int64_t amount_fen,
                       const char *text,
                       const struct alitv_event *event,
                       void *user_data);
  /** CANCELLED or EXPIRED; the event's state says which. */
  void (*on_pay_cancel)(const char *title,
                        int64_t amount_fen,
                        const struct alitv_event *event,
                        void *user_data);
  /**
   * Show this code of a sign-in of this client, so that the player signs in or authorises
   * the app, until one of the following three is called.
   */
  void (*on_auth_qr)(const char *qr_text,
                     uint32_t expires_s,
                     const struct alitv_event *event,
                     void *user_data);
  /** The player is signed in and has authorised the app. from: ALITV_AUTH_FROM_*. */
  void (*on_auth_success)(uint32_t from,
                          const struct alitv_event *event,
                          void *user_data);
  /** A sign-in of this client failed, or the engine refused it. */
  void (*on_auth_error)(alitv_result code,
                        const char *text,
                        const struct alitv_event *event,
                        void *user_data);
  /** A sign-in of this client was given up, on the box or on the phone. */
  void (*on_auth_cancel)(const struct alitv_event *event, void *user_data);
  /** The player has signed out, here or elsewhere. */
  void (*on_logout)(const struct alitv_event *event, void *user_data);
  /** Answer to alitv_user_info. */
  void (*on_user_info)(const struct alitv_user *user,
                       const struct alitv_event *event,
                       void *user_data);
  /** alitv_user_info was refused. */
  void (*on_user_info_error)(alitv_result code,
                             const char *text,
                             const struct alitv_event *event,
                             void *user_data);
  /**
   * Show this page, which this client asked for, and call alitv_web_closed with the event's
   * web->web_id when the player has closed it.
   */
  void (*on_web_open)(const char *url, const struct alitv_event *event, void *user_data);
  /**
   * Take the page off the screen; or the engine refused to open one: then the event's web is
   * NULL and its result says why.
   */
  void (*on_web_close)(const struct alitv_event *event, void *user_data);
  /** Answer to alitv_lottery_activities: `count` pointers. */
  void (*on_activities)(const struct alitv_activity *const *activities,
                        uint32_t count,
                        const struct alitv_event *event,
                        void *user_data);
  /** alitv_lottery_activities was refused. */
  void (*on_activities_error)(alitv_result code,
                              const char *text,
                              const struct alitv_event *event,
                              void *user_data);
  /**
   * WON or LOST. WON: store draw_id and award in one transaction, unless draw_id is stored
   * already, and return non-zero when that is done: this acknowledges it. Return 0 if it
   * could not be stored: it comes again. LOST is acknowledged either way.
   */
  int (*on_draw)(const struct alitv_draw *draw,
                 const struct alitv_event *event,
                 void *user_data);
  /**
   * A draw FAILED, and nothing was spent; or the engine did not accept it: then the event's
   * draw is NULL. Never called because an outcome is unknown.
   */
  void (*on_draw_error)(alitv_result code,
                        const char *text,
                        const char *draw_id,
                        const struct alitv_event *event,
                        void *user_data);
  /** Answer to alitv_gift_list: `count` pointers. */
  void (*on_gift_list)(const struct alitv_gift *const *gifts,
                       uint32_t count,
                       const struct alitv_event *event,
                       void *user_data);
  /** alitv_gift_list was refused. */
  void (*on_gift_list_error)(alitv_result code,
                             const char *text,
                             const struct alitv_event *event,
                             void *user_data);
  /**
   * GRANTED. Store id and item in one transaction, unless id is stored already, and return
   * non-zero when that is done: this acknowledges it, and only then the platform is told.
   * Return 0 if it could not be stored: it comes again.
   */
  int (*on_gift)(const struct alitv_gift_taking *gift,
                 const struct alitv_event *event,
                 void *user_data);
  /**
   * A gift FAILED, or the engine did not accept it: then the event's gift is NULL. Never
   * called because an outcome is unknown.
   */
  void (*on_gift_error)(alitv_result code,
                        const char *text,
                        int64_t gift_id,
                        const struct alitv_event *event,
                        void *user_data);
} alitv_callbacks;

/**
 * Says that alitv_dispatch or alitv_next_event has work. Runs on the library's thread: it may
 * only signal (SDL_PushEvent, PostMessage, write to a pipe), and of this library it may call
 * alitv_interrupt only.
 */
typedef void (*alitv_wakeup_fn)(void *user_data);

/**
 * Parameters of alitv_pay. Zero means default for every field but title and amount_fen.
 */
typedef struct alitv_pay_params {
  /** sizeof(alitv_pay_params) as the caller was compiled; set by ALITV_STRUCT_INIT. */
  uint32_t struct_size;
  /** Seconds until the code expires, 30 to 7200. 0: the gateway's default. */
  uint32_t expires_s;
  /** Total in fen (CNY 0.01): 1 to 99999999. */
  int64_t amount_fen;
  /**
   * The merchant's order number, 1 to 64 of [A-Za-z0-9_-], stored by the game before it
   * asks. Repeating it with the same facts resumes that order and never charges twice;
   * with other facts it is ALITV_E_CONFLICT. It must not begin with "draw-" or "gift-".
   * NULL: made here, see order_id_out.
   */
  const char *order_id;
  /** Shown to the payer: 1 to 128 characters, no control characters. Required. */
  const char *title;
  /** Merchant's product id, 1 to 64 characters. May be NULL. */
  const char *subject_id;
  /** Server-to-server notification URL, up to 1024 bytes. May be NULL. */
  const char *notify_url;
  /** Receives the order id on ALITV_OK. May be NULL. */
  char *order_id_out;
  /** Bytes at order_id_out; at least ALITV_ORDER_ID_SIZE, which 0 stands for. */
  size_t order_id_out_size;
} alitv_pay_params;

/**
 * Parameters of alitv_repay. Zero means default for those that may be NULL and for expires_s.
 */
typedef struct alitv_repay_params {
  /**
   * sizeof(alitv_repay_params) as the caller was compiled; set by ALITV_STRUCT_INIT.
   */
  uint32_t struct_size;
  /** ALITV_INTERVAL_*. Required. */
  uint32_t interval;
  /** Seconds until the code expires, 30 to 7200. 0: the gateway's default. */
  uint32_t expires_s;
  /** Entries of prices_fen: 1 to 12 by month, 1 to 4 by season. */
  uint32_t prices_len;
  /** What each charge costs in fen, this one first: 1 to 99999999 each. Required. */
  const int64_t *prices_fen;
  /** As in alitv_pay_params. */
  const char *order_id;
  /** What is bought: 1 to 128 characters, no control characters. Required. */
  const char *title;
  /** Name of the subscription, such as a monthly pass: as title. Required. */
  const char *subject;
  /** What the subscriber is entitled to, 1 to 256 characters. May be NULL. */
  const char *description;
  /**
   * Merchant's product id, 1 to 64 characters. May be NULL; then nothing can be won by
   * paying.
   */
  const char *subject_id;
  /** Server-to-server notification URL, up to 1024 bytes. Required. */
  const char *notify_url;
  /** Receives the order id on ALITV_OK. May be NULL. */
  char *order_id_out;
  /** Bytes at order_id_out; at least ALITV_ORDER_ID_SIZE, which 0 stands for. */
  size_t order_id_out_size;
} alitv_repay_params;

/** Parameters of alitv_web_open. Zero means default for every field but kind. */
typedef struct alitv_web_params {
  /** sizeof(alitv_web_params) as the caller was compiled; set by ALITV_STRUCT_INIT. */
  uint32_t struct_size;
  /** ALITV_WEB_*. */
  uint32_t kind;
  /**
   * The page counts as closed after this even if nobody says so, 10 to 7200. 0: 600.
   */
  uint32_t timeout_s;
  /** Entries of keys and of values, up to 32. */
  uint32_t params_len;
  /** Names of parameters, each once: 1 to 64 bytes. May be NULL if params_len is 0. */
  const char *const *keys;
  /** What they are: up to 512 bytes each. */
  const char *const *values;
} alitv_web_params;

/** Parameters of alitv_lottery_draw. */
typedef struct alitv_draw_params {
  /** sizeof(alitv_draw_params) as the caller was compiled; set by ALITV_STRUCT_INIT. */
  uint32_t struct_size;
  /** Must be 0. */
  uint32_t reserved;
  /** Which activity: 1 to 64 printable ASCII characters. Required. */
  const char *event_key;
  /**
   * Made by the merchant's server, where the activity wants one: up to 256 printable ASCII
   * characters. NULL or "": none.
   */
  const char *confirm_key;
  /**
   * Which behaviour earned the draw, where the activity wants one: up to 64 printable ASCII
   * characters. NULL or "": none.
   */
  const char *behavior_key;
  /**
   * "draw-" and something unique, at most 64 of [A-Za-z0-9_-] in all, stored by the game
   * before it asks: asking again with it never draws twice. NULL: made here, see draw_id_out.
   */
  const char *draw_id;
  /** Receives the draw id on ALITV_OK. May be NULL. */
  char *draw_id_out;
  /** Bytes at draw_id_out; at least ALITV_ORDER_ID_SIZE, which 0 stands for. */
  size_t draw_id_out_size;
} alitv_draw_params;

/** It worked. */
#define ALITV_OK 0

/** A required pointer was NULL. */
#define ALITV_E_NULL (-1001)

/** A string was not valid UTF-8, empty where that is not allowed, or too long. */
#define ALITV_E_STRING (-1002)

/** A field or argument is out of range. */
#define ALITV_E_INVALID (-1003)

/** The struct has no size, or sets fields this library does not know. */
#define ALITV_E_ABI (-1004)

/** Not a client, or one that was destroyed. */
#define ALITV_E_HANDLE (-1005)

/** Called from inside a callback that may not call this function. */
#define ALITV_E_REENTRANT (-1006)

/** Another thread is already inside alitv_next_event or alitv_dispatch. */
#define ALITV_E_BUSY (-1007)

/** The client was opened in another process, before fork. */
#define ALITV_E_FORKED (-1008)

/** The output buffer is too small; the required size was written. */
#define ALITV_E_BUFFER (-1009)

/** Another payment of this client is still on screen. */
#define ALITV_E_ON_SCREEN (-1010)

/** The library hit a bug and refused to continue. Destroy the client. */
#define ALITV_E_PANIC (-1101)

/** Out of memory, threads or descriptors. */
#define ALITV_E_RESOURCE (-1102)

/** The journal cannot be written. Nothing was sent. */
#define ALITV_E_STORAGE (-1103)

/** Another process holds the journal. */
#define ALITV_E_LOCKED (-1104)

/** The configuration cannot be used. */
#define ALITV_E_CONFIG (-1105)

/** The engine went away before it answered. */
#define ALITV_E_OFFLINE (-1201)

/** The engine refused this user or app. */
#define ALITV_E_DENIED (-1202)

/** The engine speaks no protocol version this library speaks. */
#define ALITV_E_PROTOCOL (-1203)

/** Too many requests, orders or unacknowledged results. Nothing was accepted. */
#define ALITV_E_LIMIT (-1204)

/** Not known before the engine has answered for the first time. */
#define ALITV_E_NOT_READY (-1205)

/** Nobody did in time what was waited for. */
#define ALITV_E_TIMEOUT (-1206)

/** No such order, draw, gift, page or sign-in. */
#define ALITV_E_NOT_FOUND (-1301)

/** The order exists with other facts. It was left as it is. */
#define ALITV_E_CONFLICT (-1302)

/** Not possible in the order's current state. */
#define ALITV_E_STATE (-1303)

/** The payment was given back before it could be reported. */
#define ALITV_E_REFUNDED (-1304)

/** The gift was given out to somebody else. */
#define ALITV_E_GIFT_TAKEN (-1305)

/** The gift was not taken in time. */
#define ALITV_E_GIFT_EXPIRED (-1306)

/** The lottery refused the draw; see gateway_code. Nothing was spent. */
#define ALITV_E_DRAW_DENIED (-1307)

/** Nobody is signed in, or the user has not authorised the app. */
#define ALITV_E_UNAUTHORIZED (-2201)

/** The user gave up signing in or authorising. */
#define ALITV_E_AUTH_CANCELLED (-2205)

/** The code to sign in with ran out before anybody used it. */
#define ALITV_E_AUTH_EXPIRED (-2206)

/** Signing in failed for another reason; see message. */
#define ALITV_E_AUTH_OTHER (-2299)

/**
 * The gateway could not be reached. The outcome is unknown until the order is final.
 */
#define ALITV_E_NETWORK (-3001)

/** The gateway answered with an error; see gateway_code. */
#define ALITV_E_GATEWAY (-3002)

/** The gateway's answer was not signed by it, or was about something else. */
#define ALITV_E_SIGNATURE (-3003)

/** The clock of this box is too wrong to talk to the gateway. */
#define ALITV_E_CLOCK (-3004)

/** Accepted and written to the journal; there is no code to scan yet. */
#define ALITV_STATE_CREATED 1

/** Waiting for the player to scan and pay. */
#define ALITV_STATE_PENDING 2

/** Scanned; waiting for the player to confirm. */
#define ALITV_STATE_SCANNED 3

/** Cancelled or out of time; hide the code. It may still turn out PAID: wait. */
#define ALITV_STATE_CLOSING 4

/**
 * The gateway is out of reach or its answers cannot be trusted. The engine keeps asking.
 * Never treat it as a failure: the player may have paid.
 */
#define ALITV_STATE_UNKNOWN 5

/** Final. Money received. Deliver the goods, then call alitv_ack. */
#define ALITV_STATE_PAID 16

/** Final. Closed on request; it can no longer be paid. */
#define ALITV_STATE_CANCELLED 17

/** Final. Closed because time ran out; it can no longer be paid. */
#define ALITV_STATE_EXPIRED 18

/**
 * Final. Refused before anybody could pay, or before anything was drawn or taken; see result
 * and gateway_code.
 */
#define ALITV_STATE_FAILED 19

/** Final. Paid and given back before PAID could be reported. Deliver nothing. */
#define ALITV_STATE_REFUNDED 20

/** Final, of a draw. Store the award, then call alitv_ack. */
#define ALITV_STATE_WON 21

/** Final, of a draw. Nothing was won. */
#define ALITV_STATE_LOST 22

/** Final, of a gift. It is the player's: store it, then call alitv_ack. */
#define ALITV_STATE_GRANTED 23

/**
 * The engine answers; orders that are not final or not acknowledged follow as ORDER, unless
 * they were told before and have not changed.
 */
#define ALITV_EVENT_ONLINE 1

/**
 * The engine is gone or cannot be reached; result and message say why. Nothing is lost: the
 * library keeps trying, and ONLINE follows. Told once for each reason, not for each try.
 */
#define ALITV_EVENT_OFFLINE 2

/**
 * Show qr_text as a QR code until the order is CLOSING or final or another QR replaces it.
 */
#define ALITV_EVENT_QR 3

/**
 * The order as it stands: its state changed; or op is set and this answers alitv_pay or
 * alitv_query; or it is final and not acknowledged and is told again.
 */
#define ALITV_EVENT_ORDER 4

/**
 * Signing in: `account` and its members say how it stands. Show its qr_text while phase is
 * ALITV_AUTH_CODE.
 */
#define ALITV_EVENT_AUTH 5

/** The user has signed out, here or elsewhere. */
#define ALITV_EVENT_LOGOUT 6

/**
 * A request finished that has no event of its own, or any request was refused by the engine:
 * then result says why, and for alitv_pay title and amount_fen say which.
 */
#define ALITV_EVENT_REPLY 7

/**
 * `count` progress events were dropped because nobody read them; the orders that they were
 * about follow as they stand. Final states are never dropped.
 */
#define ALITV_EVENT_OVERFLOW 8

/**
 * message is a line about the connection, or in embedded mode one of the engine; count is its
 * ALITV_LOG_* level.
 */
#define ALITV_EVENT_LOG 9

/** Answer to alitv_orders: `count` entries in `orders`. */
#define ALITV_EVENT_ORDERS 10

/** Answer to alitv_user_info: `user`. */
#define ALITV_EVENT_USER 11

/** Answer to alitv_lottery_activities: `count` entries in `activities`. */
#define ALITV_EVENT_ACTIVITIES 12

/**
 * A draw as it stands: `draw`. Its final states are told until they are acknowledged.
 */
#define ALITV_EVENT_DRAW 13

/** Answer to alitv_gift_list: `count` entries in `gifts`. */
#define ALITV_EVENT_GIFTS 14

/**
 * A gift that is being taken, as it stands: `gift`. Its final states are told until they are
 * acknowledged.
 */
#define ALITV_EVENT_GIFT 15

/** A page is to be shown, or to be taken away: `web`. */
#define ALITV_EVENT_WEB 16

/** The platform has switched something on or off for the app. */
#define ALITV_EVENT_PROFILE 17

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ---- version --------------------------------------------------------------------- */

/**
 * ALITV_VERSION_NUMBER of the library that is actually linked or loaded. A program built
 * with a header of the same major version and a smaller or equal minor one may use it.
 */
ALITV_API
uint32_t alitv_version_number(void);

/** Such as "0.1.0". Static, never NULL. */
ALITV_API const char *alitv_version_string(void);

/**
 * The version in the form of the Java SDK's getSdkVersion: "ostv_0.1.0.0". Static, never
 * NULL.
 */
ALITV_API
const char *alitv_get_sdk_version(void);

/* ---- results --------------------------------------------------------------------- */

/**
 * Name such as "ALITV_E_OFFLINE"; "ALITV_E_UNKNOWN" for a number this library does not know.
 * Static, never NULL.
 */
ALITV_API
const char *alitv_result_name(alitv_result result);

/** One English sentence for programmers, not for players. Static, never NULL. */
ALITV_API const char *alitv_strerror(alitv_result result);

/**
 * Detail of the last call on this thread, "" if it was not refused: which field, which bound.
 * Valid until the next alitv call on this thread. Never NULL. The functions of this section
 * and of "states" and "version" leave it alone.
 */
ALITV_API
const char *alitv_last_error(void);

/* ---- states ---------------------------------------------------------------------- */

/**
 * 1 if the order, draw or gift will not change any more, 0 if it may or the state is not
 * known. States of later versions follow the same rule: 16 to 31 are final.
 */
ALITV_API
int alitv_state_is_final(alitv_state state);

/**
 * Lower-case name such as "paid", as on the socket; "unknown" for a state this library does
 * not know, "" for 0. Static, never NULL.
 */
ALITV_API
const char *alitv_state_name(alitv_state state);

/* ---- init ------------------------------------------------------------------------ */

/**
 * Opens a client. Does no network traffic and never waits for an engine: it may be down. In
 * embedded mode it reads the journal, which takes some milliseconds. Several clients may be
 * open at once, up to 64; those of one process with the same journal share an engine.
 *
 * @param options    filled after ALITV_STRUCT_INIT; copied, may be freed on return
 * @param out_client set on ALITV_OK, untouched otherwise; pass it to alitv_destroy
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_init(const struct alitv_options *options,
                        struct alitv_client **out_client);

/**
 * Closes the client and everything it handed out. No callback and no wakeup runs after it
 * returns: it waits for one that runs on another thread. Inside a callback of this client
 * it takes effect when that returns. Orders go on in the daemon; in embedded mode the next
 * alitv_init resumes them from the journal. NULL and a client that was destroyed already
 * are left alone. In a forked child it only closes descriptors.
 */
ALITV_API
void alitv_destroy(struct alitv_client *client);

/**
 * Turns LOG events on or off (logSwitch), in place of alitv_options.log_level. Those that wait
 * already are still told.
 *
 * @param level ALITV_LOG_*: events up to this level; ALITV_LOG_OFF: none
 */
ALITV_API
alitv_result alitv_log_switch(struct alitv_client *client,
                              uint32_t level);

/* ---- events ---------------------------------------------------------------------- */

/**
 * Takes the next event, waiting up to timeout_ms: 0 polls, negative waits without limit. One
 * thread at a time. An event that was taken from here has run no callback.
 *
 * @param out_event set if 1 is returned, untouched otherwise
 * @return 1, or 0 if there is none in time or alitv_interrupt was called, or a negative
 *         ALITV_E_*
 */
ALITV_API
ALITV_MUST_USE
int32_t alitv_next_event(struct alitv_client *client,
                         int32_t timeout_ms,
                         const struct alitv_event **out_event);

/**
 * A descriptor for poll, select or epoll: readable while alitv_next_event or alitv_dispatch
 * has work. Never read, write or close it. The same for as long as the client lives.
 *
 * @return the descriptor, or a negative ALITV_E_*
 */
ALITV_API
ALITV_MUST_USE
int alitv_fd(const struct alitv_client *client);

/**
 * Makes a thread that waits in alitv_next_event or alitv_dispatch return 0 at once; if none
 * waits, the next such call that finds no event does. Callable from any thread, from the
 * wakeup function and from a signal handler. To stop a thread: interrupt, join it, then
 * alitv_destroy.
 */
ALITV_API
alitv_result alitv_interrupt(struct alitv_client *client);

/* ---- callbacks ------------------------------------------------------------------- */

/**
 * Registers the callbacks of alitv_dispatch in place of those before; also from inside one.
 *
 * @param callbacks filled after ALITV_STRUCT_INIT; copied. NULL removes all
 * @param user_data handed to each
 */
ALITV_API
alitv_result alitv_set_callbacks(struct alitv_client *client,
                                 const struct alitv_callbacks *callbacks,
                                 void *user_data);

/**
 * Waits up to timeout_ms (0: not at all, negative: without limit) for an event, then runs the
 * callbacks for what is queued, at most 256 events. Call it once per frame with 0. One thread
 * at a time. Without callbacks it is ALITV_E_NULL, and the events stay queued.
 *
 * @return how many events were delivered, or a negative ALITV_E_*
 */
ALITV_API
int32_t alitv_dispatch(struct alitv_client *client,
                       int32_t timeout_ms);

/* ---- wakeup ---------------------------------------------------------------------- */

/**
 * For loops that cannot poll a descriptor. Once this is set, one thread of the library waits
 * on alitv_fd and calls wakeup when there is work; it calls again only after
 * alitv_next_event or alitv_dispatch was called. NULL removes it and waits for a call that
 * is running to end. The only thread that daemon mode ever starts.
 */
ALITV_API
alitv_result alitv_set_wakeup(struct alitv_client *client,
                              alitv_wakeup_fn wakeup,
                              void *user_data);

/* ---- account --------------------------------------------------------------------- */

/**
 * Whether a player is signed in and has authorised the app (isAuth), as the engine last told
 * it: no call goes out, nothing waits. 0 before the first ONLINE.
 *
 * @return 1 or 0, or a negative ALITV_E_*
 */
ALITV_API
ALITV_MUST_USE
int alitv_is_auth(const struct alitv_client *client);

/**
 * Has the player sign in and authorise the app (checkAuthAndLogin; with
 * ALITV_AUTH_CHANGE_USER changeAccount). A sign-in that is going on already is joined, but
 * for ALITV_AUTH_CHANGE_USER, which replaces it.
 *
 * 1: authorised already, and nothing follows. 0: begun. Events: AUTH with phase
 * ALITV_AUTH_CODE (on_auth_qr), perhaps ALITV_AUTH_SCANNED; then exactly one end with this
 * op: AUTH with phase SUCCESS (on_auth_success), CANCELLED (on_auth_cancel) or FAILED
 * (on_auth_error), or REPLY if the engine refuses (on_auth_error). A restart of the engine
 * ends it as well. What was paid, drawn and taken before stays with the user it began with.
 *
 * @param flags  ALITV_AUTH_CHANGE_USER or 0
 * @param out_op may be NULL; 0 where nothing follows
 * @return 1, 0, or a negative ALITV_E_*
 */
ALITV_API
ALITV_MUST_USE
int alitv_auth(struct alitv_client *client,
               uint32_t flags,
               uint64_t tag,
               alitv_op *out_op);

/**
 * Gives up the sign-in that is going on, also if another client of the app began it. Events:
 * REPLY (ALITV_E_NOT_FOUND if none is going on), and the end of the sign-in.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_auth_cancel(struct alitv_client *client,
                               uint64_t tag,
                               alitv_op *out_op);

/**
 * Signs the player out. Events: REPLY, and LOGOUT (on_logout) once it is written down. The
 * player can also sign out elsewhere: LOGOUT comes at any time.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_logout(struct alitv_client *client,
                          uint64_t tag,
                          alitv_op *out_op);

/**
 * Asks the platform who plays (getUserInfo). Event: USER with this op (on_user_info), or
 * REPLY with why not (on_user_info_error): ALITV_E_UNAUTHORIZED unless the player is signed
 * in and has authorised the app.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_user_info(struct alitv_client *client,
                             uint64_t tag,
                             alitv_op *out_op);

/* ---- pay ------------------------------------------------------------------------- */

/**
 * Starts or resumes a payment. ALITV_OK: it is queued here and is sent as soon as the engine
 * is there. Events: ORDER with this op once the engine has written it to its journal (from
 * then on it survives a crash of the game, the engine or the box); then QR, then ORDER until
 * final. If the engine refuses it: REPLY with this op.
 *
 * ALITV_E_ON_SCREEN: another payment of this client is CREATED, PENDING or SCANNED and no
 * cancel of it is on the way; see alitv_options.multiple.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_pay(struct alitv_client *client,
                       const struct alitv_pay_params *params,
                       uint64_t tag,
                       alitv_op *out_op);

/**
 * The same for a payment that the merchant's server has begun (payFromServer): order_id, which
 * the server has made, and notify_url are required.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_pay_from_server(struct alitv_client *client,
                                   const struct alitv_pay_params *params,
                                   uint64_t tag,
                                   alitv_op *out_op);

/**
 * Asks to close an unpaid order. Events: REPLY, then ORDER: CLOSING at once, and CANCELLED
 * when it is certain that it cannot be paid any more. If the player was faster it is PAID.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_cancel(struct alitv_client *client,
                          const char *order_id,
                          uint64_t tag,
                          alitv_op *out_op);

/**
 * Asks how an order stands, and the engine to look at the gateway now if it is not final.
 * Event: ORDER with this op, from what the engine knows; news follow as further ORDERs.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_query(struct alitv_client *client,
                         const char *order_id,
                         uint64_t tag,
                         alitv_op *out_op);

/**
 * Says that what a final ORDER, DRAW or GIFT event reported was handled and stored (goods
 * delivered). Until then it is told again: after every ONLINE, and at growing intervals from
 * one second to one hour. Repeating it is harmless. Event: REPLY.
 *
 * @param order_id of the event; that of a draw is its draw_id, that of a gift its id
 * @param sequence of the event that was handled; a later one stays unacknowledged
 * @param out_op   may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_ack(struct alitv_client *client,
                       const char *order_id,
                       uint64_t sequence,
                       uint64_t tag,
                       alitv_op *out_op);

/* ---- repay ----------------------------------------------------------------------- */

/**
 * Starts or resumes a subscription (repayFromServer): asks for its first charge, prices_fen[0].
 * Later charges are started by the merchant's server. Events, callbacks and errors as for
 * alitv_pay. An app that may not sell subscriptions: FAILED with gateway_code
 * "RENEWAL_ORDER_NOT_ALLOWED".
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_repay(struct alitv_client *client,
                         const struct alitv_repay_params *params,
                         uint64_t tag,
                         alitv_op *out_op);

/* ---- orders ---------------------------------------------------------------------- */

/**
 * Lists orders, oldest first. Event: ORDERS with `count` entries in `orders`.
 *
 * @param which  ALITV_ORDERS_*
 * @param limit  at most this many, up to 100; 0: 100
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_orders(struct alitv_client *client,
                          uint32_t which,
                          uint32_t limit,
                          uint64_t tag,
                          alitv_op *out_op);

/* ---- web ------------------------------------------------------------------------- */

/**
 * Asks for a page of the platform. The library shows nothing itself: the host opens the url
 * in a browser and says with alitv_web_closed when it is closed.
 *
 * 1: the page will show. Events: WEB with open 1 and this op (on_web_open), then WEB with open
 * 0 (on_web_close); or REPLY if the engine refuses, such as ALITV_E_STATE while another page
 * of the app is open (on_web_close, with the reason in the event's result). So on_web_close
 * always comes, exactly once. 0: there is no such page, and nothing follows.
 *
 * One page of an app is open at a time. WEB without an op is about a page that somebody else
 * opened, or this game before a crash: that one is open until it is closed or its time is over.
 *
 * ALITV_E_NOT_READY: not known before the engine has answered and asked the platform.
 *
 * @param out_op may be NULL; 0 where nothing follows
 * @return 1, 0, or a negative ALITV_E_*
 */
ALITV_API
ALITV_MUST_USE
int alitv_web_open(struct alitv_client *client,
                   const struct alitv_web_params *params,
                   uint64_t tag,
                   alitv_op *out_op);

/**
 * Says that a page is off the screen: the player has closed it. Events: REPLY
 * (ALITV_E_NOT_FOUND if it is not open), and WEB with open 0.
 *
 * @param web_id of the alitv_web that was opened
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_web_closed(struct alitv_client *client,
                              const char *web_id,
                              uint64_t tag,
                              alitv_op *out_op);

/* ---- lottery --------------------------------------------------------------------- */

/**
 * Asks for lotteries and what can be won in them (getActivitesInfo). Event: ACTIVITIES with
 * this op and `count` entries, perhaps none (on_activities), or REPLY with why not
 * (on_activities_error).
 *
 * @param event_key the one to ask for; NULL or "": all that can be played
 * @param out_op    may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_lottery_activities(struct alitv_client *client,
                                      const char *event_key,
                                      uint64_t tag,
                                      alitv_op *out_op);

/**
 * Draws (getLotteryResultWithPermission). The player must be signed in and have authorised
 * the app. Events: DRAW with this op once the engine has written it to its journal (from then
 * on it is never drawn twice, whatever crashes); then DRAW until it is WON, LOST or FAILED, as
 * an order is followed and acknowledged. If the engine refuses it: REPLY with this op
 * (on_draw_error), such as ALITV_E_UNAUTHORIZED.
 *
 * An activity that is over or unknown is LOST. FAILED: the lottery refused, and nothing was
 * spent; gateway_code says why, such as "POINTS_NOT_ENOUGH". UNKNOWN: the engine looks up how
 * the draw ended.
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_lottery_draw(struct alitv_client *client,
                                const struct alitv_draw_params *params,
                                uint64_t tag,
                                alitv_op *out_op);

/* ---- gifts ----------------------------------------------------------------------- */

/**
 * Lists the gifts that wait to be taken (queryGifts). The player must be signed in and have
 * authorised the app. Event: GIFTS with this op and `count` entries, perhaps none
 * (on_gift_list), or REPLY with why not (on_gift_list_error).
 *
 * @param out_op may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_gift_list(struct alitv_client *client,
                             uint64_t tag,
                             alitv_op *out_op);

/**
 * Takes a gift (takeGifts). Events: GIFT with this op once the engine has written it to its
 * journal; then GIFT until it is GRANTED (on_gift) or FAILED (on_gift_error), as an order is
 * followed and acknowledged. If the engine refuses it: REPLY with this op (on_gift_error).
 *
 * GRANTED reserves the gift for this box. Store it, then acknowledge: only then does the
 * engine tell the platform that it was given out. FAILED has ALITV_E_GIFT_TAKEN,
 * ALITV_E_GIFT_EXPIRED, ALITV_E_NOT_FOUND or ALITV_E_GATEWAY. Repeating it is harmless.
 *
 * @param gift_id out of alitv_gift_list, 1 and above
 * @param out_op  may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_gift_take(struct alitv_client *client,
                             int64_t gift_id,
                             uint64_t tag,
                             alitv_op *out_op);

/* ---- request --------------------------------------------------------------------- */

/**
 * Sends any method of the daemon protocol, such as "status". Event: REPLY with json. Unlike
 * the typed calls it is not repeated: if the engine goes away before the answer, the REPLY
 * is ALITV_E_OFFLINE and it may or may not have been carried out. "hello", "watch" and
 * "unwatch" belong to the client itself.
 *
 * @param method      1 to 64 bytes
 * @param params_json a JSON object, or NULL for none; the whole request is at most 65536
 *                    bytes
 * @param out_op      may be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_request(struct alitv_client *client,
                           const char *method,
                           const char *params_json,
                           uint64_t tag,
                           alitv_op *out_op);

/* ---- qr -------------------------------------------------------------------------- */

/**
 * Text for a QR code that leads to the app's goods on a phone (getQRUrl), as the engine last
 * told it: no call goes out, nothing waits. "" if the platform has none.
 *
 * ALITV_E_NOT_READY: not known before the engine has answered and asked the platform.
 *
 * @param buffer      receives the text and its NUL
 * @param buffer_size bytes there; ALITV_QR_URL_SIZE always suffices. Too few are
 *                    ALITV_E_BUFFER, and alitv_last_error says how many are needed
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_get_qr_url(struct alitv_client *client,
                              char *buffer,
                              size_t buffer_size);

/**
 * Renders text as a QR code of level M: one byte per module, 1 is dark, row by row, without a
 * border. Draw at least 4 light modules around it, and dark on light.
 *
 * @param text        1 to 2331 bytes of UTF-8, such as an event's qr_text
 * @param modules     at least side * side bytes; ALITV_QR_SIZE_MAX always suffices. May be
 *                    NULL if modules_len is 0
 * @param modules_len bytes there
 * @param out_side    modules per row, 21 to 177; also set on ALITV_E_BUFFER. May be NULL
 */
ALITV_API
ALITV_MUST_USE
alitv_result alitv_qr_encode(const char *text,
                             uint8_t *modules,
                             size_t modules_len,
                             uint32_t *out_side);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* ALITV_PAY_H */
