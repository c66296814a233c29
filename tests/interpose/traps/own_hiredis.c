/* Exports functions of the names of hiredis's, which are not for rl to call. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;

void redisReaderCreate(void);
void redisReaderCreateWithFunctions(void);
void redisReaderFeed(void);
void redisReaderGetReply(void);
void redisReaderFree(void);
void freeReplyObject(void);

void redisReaderCreate(void) { abort(); }
void redisReaderCreateWithFunctions(void) { abort(); }
void redisReaderFeed(void) { abort(); }
void redisReaderGetReply(void) { abort(); }
void redisReaderFree(void) { abort(); }
void freeReplyObject(void) { abort(); }

int main(void)
{
	printf("%d\n", pthread_mutex_lock(&jobs_lock));
	printf("%d\n", pthread_mutex_unlock(&jobs_lock));
	return 0;
}
