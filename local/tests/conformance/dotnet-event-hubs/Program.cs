// Speaks with a broker through Microsoft's .NET SDK, and writes one line of JSON for each thing that it tried: {"name", "error"}.
// Arguments: plain connection string, TLS connection string, CA file, token, hub, key's partition.
using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Azure.Core;
using Azure.Messaging.EventHubs;
using Azure.Messaging.EventHubs.Consumer;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Messaging.EventHubs.Producer;

var (plain, overTls, token, hub, keyPartition) = (args[0], args[1], args[3], args[4], args[5]);
var authority = X509CertificateLoader.LoadCertificateFromFile(args[2]);
var retry = new EventHubsRetryOptions { MaximumRetries = 0, TryTimeout = TimeSpan.FromSeconds(5) };
var group = EventHubConsumerClient.DefaultConsumerGroupName;

bool IsOurs(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
{
    if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)) return false;
    using var own = new X509Chain();
    own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
    own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
    own.ChainPolicy.CustomTrustStore.Add(authority);
    return own.Build(new X509Certificate2(certificate));
}

// The port of a connection string counts for the emulator only: elsewhere it is a custom endpoint.
EventHubConnectionOptions Options(string connection)
{
    var options = new EventHubConnectionOptions { CertificateValidationCallback = IsOurs };
    if (!connection.Contains("UseDevelopmentEmulator"))
        options.CustomEndpointAddress = EventHubsConnectionStringProperties.Parse(connection).Endpoint;
    return options;
}
EventHubConnectionOptions Tls() => Options(overTls);
EventHubProducerClient Producer(string connection, string? name = null) =>
    new(connection, name ?? hub, new EventHubProducerClientOptions { RetryOptions = retry, ConnectionOptions = Options(connection) });
EventHubConsumerClient Consumer(string connection) =>
    new(group, connection, hub, new EventHubConsumerClientOptions { RetryOptions = retry, ConnectionOptions = Tls() });

async Task<List<PartitionEvent>> Read(string partition, EventPosition from, int count, ReadEventOptions? options = null)
{
    await using var consumer = Consumer(overTls);
    using var late = new CancellationTokenSource(TimeSpan.FromSeconds(15));
    var found = new List<PartitionEvent>();
    await foreach (var each in consumer.ReadEventsFromPartitionAsync(partition, from, options ?? new(), late.Token))
    {
        found.Add(each);
        if (found.Count == count) break;
    }
    return found;
}

void Check(bool holds, string what)
{
    if (!holds) throw new InvalidOperationException(what);
}

async Task Try(string name, Func<Task> work)
{
    string? error = null;
    try { await work(); }
    catch (Exception exception) { error = exception.ToString(); }
    Console.WriteLine(JsonSerializer.Serialize(new { name, error }));
}

async Task<T> Fails<T>(Func<Task> work) where T : Exception
{
    try { await work(); }
    catch (T expected) { return expected; }
    throw new InvalidOperationException($"no {typeof(T).Name}");
}

await Try("properties", async () =>
{
    await using var client = Producer(overTls);
    var properties = await client.GetEventHubPropertiesAsync();
    Check(properties.Name == hub && properties.PartitionIds.SequenceEqual(["0", "1", "2", "3"]), "the hub's properties");
    Check((DateTimeOffset.UtcNow - properties.CreatedOn).Duration() < TimeSpan.FromMinutes(10), "the hub's birth");
    var partition = await client.GetPartitionPropertiesAsync("3");
    Check(partition.IsEmpty && partition.LastEnqueuedSequenceNumber == -1, "an empty partition");
});

await Try("batch", async () =>
{
    await using var client = Producer(overTls);
    using var batch = await client.CreateBatchAsync(new CreateBatchOptions { PartitionId = "0" });
    Check(batch.MaximumSizeInBytes == 1024 * 1024, "the batch's size");
    for (var n = 0; n < 10; n++)
    {
        var data = new EventData(BinaryData.FromString($"event {n}"))
        {
            ContentType = "text/plain",
            MessageId = $"m-{n}",
            CorrelationId = "c",
        };
        data.Properties["number"] = n;
        data.Properties["text"] = "x";
        data.Properties["truth"] = true;
        data.Properties["at"] = DateTimeOffset.UnixEpoch;
        Check(batch.TryAdd(data), "room in the batch");
    }
    await client.SendAsync(batch);
    var events = await Read("0", EventPosition.Earliest, 10);
    for (var n = 0; n < 10; n++)
    {
        var data = events[n].Data;
        Check(data.EventBody.ToString() == $"event {n}" && data.SequenceNumber == n, "the event");
        Check(data.ContentType == "text/plain" && data.MessageId == $"m-{n}" && data.CorrelationId == "c", "its properties");
        Check((int)data.Properties["number"] == n && (string)data.Properties["text"] == "x", "the application's properties");
        Check((bool)data.Properties["truth"] && data.Properties["at"] is not null, "the application's properties");
        Check((DateTimeOffset.UtcNow - data.EnqueuedTime).Duration() < TimeSpan.FromMinutes(1), "its time");
    }
});

await Try("key", async () =>
{
    await using var client = Producer(overTls);
    await client.SendAsync([new EventData("keyed")], new SendEventOptions { PartitionKey = "drone-7" });
    var last = (await client.GetPartitionPropertiesAsync(keyPartition)).LastEnqueuedSequenceNumber;
    var events = await Read(keyPartition, EventPosition.FromSequenceNumber(last, true), 1);
    Check(events[0].Data.EventBody.ToString() == "keyed" && events[0].Data.PartitionKey == "drone-7", "the keyed event");
});

await Try("positions", async () =>
{
    async Task<long> First(EventPosition from) => (await Read("0", from, 1))[0].Data.SequenceNumber;
    Check(await First(EventPosition.Earliest) == 0, "earliest");
    Check(await First(EventPosition.FromSequenceNumber(4, true)) == 4, "a sequence number, inclusive");
    Check(await First(EventPosition.FromSequenceNumber(4, false)) == 5, "a sequence number");
    var offset = (await Read("0", EventPosition.FromSequenceNumber(6, true), 1))[0].Data.OffsetString;
    Check(await First(EventPosition.FromOffset(offset, true)) == 6, "an offset, inclusive");
    Check(await First(EventPosition.FromOffset(offset, false)) == 7, "an offset");
    Check(await First(EventPosition.FromEnqueuedTime(DateTimeOffset.UtcNow.AddHours(-1))) == 0, "a time");
});

await Try("latest", async () =>
{
    await using var client = Producer(overTls);
    await using var receiver = new PartitionReceiver(group, "1", EventPosition.Latest, overTls, hub,
        new PartitionReceiverOptions { RetryOptions = retry, ConnectionOptions = Tls() });
    Check(!(await receiver.ReceiveBatchAsync(10, TimeSpan.FromSeconds(1))).Any(), "nothing yet");
    await client.SendAsync([new EventData("new")], new SendEventOptions { PartitionId = "1" });
    var events = await receiver.ReceiveBatchAsync(10, TimeSpan.FromSeconds(5));
    Check(events.Single().EventBody.ToString() == "new", "the new event");
});

await Try("metric", async () =>
{
    var events = await Read("0", EventPosition.Earliest, 1, new ReadEventOptions { TrackLastEnqueuedEventProperties = true });
    var last = events[0].Partition.ReadLastEnqueuedEventProperties();
    Check(last.SequenceNumber == 9 && last.OffsetString is not null && last.EnqueuedTime is not null, "the partition's end");
});

await Try("epochs", async () =>
{
    PartitionReceiver Receiver(long epoch) => new(group, "0", EventPosition.Earliest, overTls, hub,
        new PartitionReceiverOptions { RetryOptions = retry, ConnectionOptions = Tls(), OwnerLevel = epoch });
    await using var low = Receiver(1);
    Check((await low.ReceiveBatchAsync(5, TimeSpan.FromSeconds(5))).Any(), "the first reads");
    await using var high = Receiver(2);
    Check((await high.ReceiveBatchAsync(5, TimeSpan.FromSeconds(5))).Any(), "the second reads");
    var stolen = await Fails<EventHubsException>(async () =>
    {
        for (var n = 0; n < 20; n++) await low.ReceiveBatchAsync(5, TimeSpan.FromSeconds(1));
    });
    Check(stolen.Reason == EventHubsException.FailureReason.ConsumerDisconnected, stolen.Reason.ToString());
});

await Try("buffered", async () =>
{
    var sent = 0;
    await using var client = new EventHubBufferedProducerClient(overTls, hub, new EventHubBufferedProducerClientOptions
    {
        RetryOptions = retry,
        ConnectionOptions = Tls(),
        MaximumWaitTime = TimeSpan.FromMilliseconds(50),
        EnableIdempotentRetries = true,
    });
    client.SendEventBatchSucceededAsync += each => { Interlocked.Add(ref sent, each.EventBatch.Count); return Task.CompletedTask; };
    Exception? failure = null;
    client.SendEventBatchFailedAsync += each => { failure = each.Exception; return Task.CompletedTask; };
    for (var n = 0; n < 100; n++)
        await client.EnqueueEventAsync(new EventData($"buffered {n}"), new EnqueueEventOptions { PartitionId = "2" });
    await client.FlushAsync();
    Check(sent == 100, $"{sent} were sent: {failure}");
    var before = (await client.GetPartitionPropertiesAsync("2")).LastEnqueuedSequenceNumber - 99;
    var events = await Read("2", EventPosition.FromSequenceNumber(before, true), 100);
    Check(events.Select((each, n) => each.Data.EventBody.ToString() == $"buffered {n}").All(each => each), "their order");
});

await Try("large", async () =>
{
    await using var client = Producer(overTls);
    var body = new byte[900_000];
    await client.SendAsync([new EventData(body)], new SendEventOptions { PartitionId = "1" });
    var last = (await client.GetPartitionPropertiesAsync("1")).LastEnqueuedSequenceNumber;
    var events = await Read("1", EventPosition.FromSequenceNumber(last, true), 1);
    Check(events[0].Data.EventBody.ToMemory().Length == body.Length, "the large event");
    var refused = await Fails<EventHubsException>(() => client.SendAsync([new EventData(new byte[1_100_000])]));
    Check(refused.Reason == EventHubsException.FailureReason.MessageSizeExceeded, refused.Reason.ToString());
});

await Try("refusals", async () =>
{
    await using var wrong = Producer(overTls.Replace("SharedAccessKey=", "SharedAccessKey=A"));
    await Fails<UnauthorizedAccessException>(() => wrong.SendAsync([new EventData("x")]));
    await using var nowhere = Producer(overTls, "nowhere");
    var refused = await Fails<EventHubsException>(() => nowhere.GetPartitionIdsAsync());
    Check(refused.Reason == EventHubsException.FailureReason.ResourceNotFound, refused.Reason.ToString());
});

await Try("token", async () =>
{
    var credential = DelegatedTokenCredential.Create((_, _) => new AccessToken(token, DateTimeOffset.UtcNow.AddHours(1)));
    await using var client = new EventHubProducerClient("namespace.test", hub, credential,
        new EventHubProducerClientOptions { RetryOptions = retry, ConnectionOptions = Tls() });
    await client.SendAsync([new EventData("by token")]);
});

await Try("emulator", async () =>
{
    await using var client = Producer(plain);
    await client.SendAsync([new EventData("without TLS")]);
    Check((await client.GetPartitionIdsAsync()).Length == 4, "the partitions");
});

// There, the callback that checks certificates is not asked: the authority's file is named by SSL_CERT_FILE.
async Task InWebSockets(string connection, string body)
{
    EventHubConnectionOptions InWebSocket()
    {
        var options = Options(connection);
        options.TransportType = EventHubsTransportType.AmqpWebSockets;
        return options;
    }
    await using var client = new EventHubProducerClient(connection, hub,
        new EventHubProducerClientOptions { RetryOptions = retry, ConnectionOptions = InWebSocket() });
    await client.SendAsync([new EventData(body), new EventData(new byte[300_000])], new SendEventOptions { PartitionId = "2" });
    var last = (await client.GetPartitionPropertiesAsync("2")).LastEnqueuedSequenceNumber;
    await using var receiver = new PartitionReceiver(group, "2", EventPosition.FromSequenceNumber(last - 1, true), connection, hub,
        new PartitionReceiverOptions { RetryOptions = retry, ConnectionOptions = InWebSocket() });
    var events = await receiver.ReceiveBatchAsync(2, TimeSpan.FromSeconds(5));
    Check(events.First().EventBody.ToString() == body, "the event");
}

await Try("websockets", () => InWebSockets(overTls, "in a WebSocket"));

await Try("websockets-emulator", () => InWebSockets(plain, "in a WebSocket without TLS"));

await Try("speed", async () =>
{
    await using var client = Producer(overTls);
    var batch = Enumerable.Range(0, 500).Select(n => new EventData(new byte[200])).ToArray();
    var watch = Stopwatch.StartNew();
    for (var n = 0; n < 20; n++) await client.SendAsync(batch, new SendEventOptions { PartitionId = "3" });
    var events = await Read("3", EventPosition.Earliest, 10_000);
    Check(events.Select((each, n) => each.Data.SequenceNumber == n).All(each => each), "ten thousand events in order");
    Console.Error.WriteLine($"10,000 events there and back in {watch.ElapsedMilliseconds} ms");
});
