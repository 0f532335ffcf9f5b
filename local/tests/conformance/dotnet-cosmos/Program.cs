// What an application does with Microsoft's .NET SDK, in gateway mode over TLS. Arguments: endpoint, key, file of the
// certificate authority. Prints one JSON line for each case: {"case", "error"}; the error is null where all went well.
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.Azure.Cosmos;
using Newtonsoft.Json.Linq;

var (endpoint, key, authority) = (args[0], args[1], X509CertificateLoader.LoadCertificateFromFile(args[2]));

HttpClient TrustingClient() => new(new SocketsHttpHandler
{
    SslOptions = new SslClientAuthenticationOptions
    {
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { authority },
            RevocationMode = X509RevocationMode.NoCheck,
        },
    },
});

CosmosClient Client(bool bulk = false) => new(endpoint, key, new CosmosClientOptions
{
    ConnectionMode = ConnectionMode.Gateway,
    LimitToEndpoint = true,
    AllowBulkExecution = bulk,
    HttpClientFactory = TrustingClient,
    RequestTimeout = TimeSpan.FromSeconds(10),
});

using var client = Client();
Database database = null!;
Container container = null!;

async Task Case(string name, Func<Task> run)
{
    string? error = null;
    try
    {
        await run();
    }
    catch (Exception thrown)
    {
        error = thrown.ToString();
    }
    Console.WriteLine(JsonSerializer.Serialize(new { @case = name, error }));
}

static void Equal<T>(T expected, T found)
{
    if (!EqualityComparer<T>.Default.Equals(expected, found))
        throw new InvalidOperationException($"expected {expected}, found {found}");
}

static async Task<CosmosException> Fails(HttpStatusCode status, Func<Task> run)
{
    try
    {
        await run();
    }
    catch (CosmosException error) when (error.StatusCode == status)
    {
        return error;
    }
    throw new InvalidOperationException($"expected {(int)status}");
}

static JObject Item(string id, string pk, int n) => new() { ["id"] = id, ["pk"] = pk, ["n"] = n, ["third"] = n % 3 };

async Task<List<T>> Rows<T>(string query, string? pk = null, int? page = null)
{
    var options = new QueryRequestOptions { MaxItemCount = page };
    if (pk is not null) options.PartitionKey = new PartitionKey(pk);
    var rows = new List<T>();
    using var iterator = container.GetItemQueryIterator<T>(query, requestOptions: options);
    while (iterator.HasMoreResults) rows.AddRange(await iterator.ReadNextAsync());
    return rows;
}

async Task<(List<string> Ids, string Token)> Changes(ChangeFeedStartFrom start)
{
    var ids = new List<string>();
    using var iterator = container.GetChangeFeedIterator<JObject>(start, ChangeFeedMode.LatestVersion);
    while (true)
    {
        var page = await iterator.ReadNextAsync();
        if (page.StatusCode == HttpStatusCode.NotModified) return (ids, page.ContinuationToken);
        ids.AddRange(page.Select(item => (string)item["id"]!));
    }
}

await Case("databases and containers are made, read and listed", async () =>
{
    database = await client.CreateDatabaseIfNotExistsAsync("dotnet");
    var sorted = new ContainerProperties("items", "/pk");
    sorted.IndexingPolicy.CompositeIndexes.Add(
        new() { new CompositePath { Path = "/third" }, new CompositePath { Path = "/n" } });
    container = await database.CreateContainerIfNotExistsAsync(sorted);
    var properties = await container.ReadContainerAsync();
    Equal("/pk", properties.Resource.PartitionKeyPath);
    using var iterator = database.GetContainerQueryIterator<ContainerProperties>();
    Equal("items", (await iterator.ReadNextAsync()).Single().Id);
});

await Case("an item is created, read, replaced, upserted and deleted", async () =>
{
    var created = await container.CreateItemAsync(Item("a", "p", 1), new PartitionKey("p"));
    Equal(HttpStatusCode.Created, created.StatusCode);
    var read = await container.ReadItemAsync<JObject>("a", new PartitionKey("p"));
    Equal(1, (int)read.Resource["n"]!);
    Equal(created.ETag, read.ETag);
    await container.ReplaceItemAsync(Item("a", "p", 2), "a", new PartitionKey("p"));
    var upserted = await container.UpsertItemAsync(Item("a", "p", 3), new PartitionKey("p"));
    Equal(HttpStatusCode.OK, upserted.StatusCode);
    var deleted = await container.DeleteItemAsync<JObject>("a", new PartitionKey("p"));
    Equal(HttpStatusCode.NoContent, deleted.StatusCode);
});

await Case("errors have the status that the SDK expects: 404, 409, 412", async () =>
{
    await Fails(HttpStatusCode.NotFound, () => container.ReadItemAsync<JObject>("nobody", new PartitionKey("p")));
    await container.CreateItemAsync(Item("b", "p", 1), new PartitionKey("p"));
    await Fails(HttpStatusCode.Conflict, () => container.CreateItemAsync(Item("b", "p", 1), new PartitionKey("p")));
    var outdated = new ItemRequestOptions { IfMatchEtag = "\"outdated\"" };
    await Fails(HttpStatusCode.PreconditionFailed, () => container.ReplaceItemAsync(Item("b", "p", 2), "b", new PartitionKey("p"), outdated));
});

await Case("an item is patched, with a condition that holds and one that does not", async () =>
{
    var patched = await container.PatchItemAsync<JObject>("b", new PartitionKey("p"),
        [PatchOperation.Increment("/n", 5), PatchOperation.Set("/state", "done"), PatchOperation.Move("/third", "/rest")],
        new PatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 1" });
    Equal(6, (int)patched.Resource["n"]!);
    Equal(1, (int)patched.Resource["rest"]!);
    await Fails(HttpStatusCode.PreconditionFailed, () => container.PatchItemAsync<JObject>("b", new PartitionKey("p"),
        [PatchOperation.Remove("/state")], new PatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 1" }));
});

await Case("a transactional batch is all or nothing", async () =>
{
    var good = await container.CreateTransactionalBatch(new PartitionKey("batch"))
        .CreateItem(Item("x", "batch", 1)).UpsertItem(Item("y", "batch", 2)).ReadItem("x").ExecuteAsync();
    Equal(true, good.IsSuccessStatusCode);
    Equal(1, (int)good.GetOperationResultAtIndex<JObject>(2).Resource["n"]!);
    var bad = await container.CreateTransactionalBatch(new PartitionKey("batch"))
        .CreateItem(Item("z", "batch", 1)).CreateItem(Item("x", "batch", 1)).ExecuteAsync();
    Equal(HttpStatusCode.Conflict, bad.StatusCode);
    Equal(HttpStatusCode.FailedDependency, bad[0].StatusCode);
    await Fails(HttpStatusCode.NotFound, () => container.ReadItemAsync<JObject>("z", new PartitionKey("batch")));
});

await Case("a transactional batch takes replaces with etag, patches and deletes", async () =>
{
    var known = await container.ReadItemAsync<JObject>("x", new PartitionKey("batch"));
    var matching = new TransactionalBatchItemRequestOptions { IfMatchEtag = known.ETag };
    var good = await container.CreateTransactionalBatch(new PartitionKey("batch"))
        .ReplaceItem("x", Item("x", "batch", 7), matching)
        .PatchItem("y", [PatchOperation.Increment("/n", 3)], new() { FilterPredicate = "FROM c WHERE c.n = 2" })
        .CreateItem(Item("gone", "batch", 1), new() { EnableContentResponseOnWrite = false })
        .DeleteItem("gone").ExecuteAsync();
    Equal(HttpStatusCode.OK, good.StatusCode);
    Equal(5, (int)good.GetOperationResultAtIndex<JObject>(1).Resource["n"]!);
    Equal(HttpStatusCode.NoContent, good[3].StatusCode);
    var bad = await container.CreateTransactionalBatch(new PartitionKey("batch"))
        .DeleteItem("y").ReplaceItem("x", Item("x", "batch", 8), matching).ExecuteAsync();
    Equal(HttpStatusCode.PreconditionFailed, bad.StatusCode);
    await container.ReadItemAsync<JObject>("y", new PartitionKey("batch"));
});

await Case("bulk execution writes items of many partitions", async () =>
{
    using var bulk = Client(bulk: true);
    var target = bulk.GetContainer("dotnet", "items");
    var made = await Task.WhenAll(Enumerable.Range(0, 60).Select(n =>
        target.CreateItemAsync(Item($"n{n:00}", $"k{n % 12}", n), new PartitionKey($"k{n % 12}"))));
    Equal(true, made.All(each => each.StatusCode == HttpStatusCode.Created));
});

await Case("a query of one partition takes parameters and goes on by pages", async () =>
{
    Equal("[0,12,24,36,48]", JsonSerializer.Serialize((await Rows<int>("SELECT VALUE c.n FROM c", "k0", 2)).Order()));
    var definition = new QueryDefinition("SELECT VALUE c.n FROM c WHERE c.n > @least").WithParameter("@least", 30);
    using var iterator = container.GetItemQueryIterator<int>(definition, requestOptions: new() { PartitionKey = new PartitionKey("k0") });
    Equal("[36,48]", JsonSerializer.Serialize((await iterator.ReadNextAsync()).Order()));
});

await Case("ORDER BY across partitions merges the ranges", async () =>
{
    var rows = await Rows<int>("SELECT VALUE c.n FROM c WHERE STARTSWITH(c.id, 'n') ORDER BY c.n DESC", page: 7);
    Equal(JsonSerializer.Serialize(Enumerable.Range(0, 60).Reverse()), JsonSerializer.Serialize(rows));
});

await Case("ORDER BY across partitions goes on by its continuation token", async () =>
{
    var (rows, token) = (new List<int>(), (string?)null);
    do
    {
        using var iterator = container.GetItemQueryIterator<int>(
            "SELECT VALUE c.n FROM c WHERE STARTSWITH(c.id, 'n') ORDER BY c.third, c.n", token, new() { MaxItemCount = 11 });
        var page = await iterator.ReadNextAsync();
        rows.AddRange(page);
        token = page.ContinuationToken;
    } while (token is not null);
    Equal(JsonSerializer.Serialize(Enumerable.Range(0, 60).OrderBy(n => n % 3).ThenBy(n => n)), JsonSerializer.Serialize(rows));
});

await Case("ORDER BY with many equal keys goes on by its continuation token, in both directions", async () =>
{
    foreach (var direction in new[] { "ASC", "DESC" })
    {
        var (rows, token) = (new List<Row>(), (string?)null);
        do
        {
            using var iterator = container.GetItemQueryIterator<Row>(
                $"SELECT * FROM c WHERE STARTSWITH(c.id, 'n') ORDER BY c.third {direction}", token, new() { MaxItemCount = 7 });
            var page = await iterator.ReadNextAsync();
            rows.AddRange(page);
            token = page.ContinuationToken;
        } while (token is not null && rows.Count <= 60);
        Equal(60, rows.Select(row => row.id).Distinct().Count());
        Equal(60, rows.Count);
        var keys = rows.Select(row => row.n % 3).ToList();
        Equal(true, keys.SequenceEqual(direction == "ASC" ? keys.Order() : keys.OrderDescending()));
    }
});

await Case("aggregates by name are merged", async () =>
{
    var row = (await Rows<JObject>("SELECT COUNT(1) AS n, MAX(c.n) AS hi, AVG(c.n) AS a FROM c WHERE STARTSWITH(c.id, 'n')")).Single();
    Equal("60 59 29.5", $"{row["n"]} {row["hi"]} {row["a"]}");
});

await Case("aggregates, DISTINCT, GROUP BY, TOP and OFFSET LIMIT across partitions are merged", async () =>
{
    const string Where = "WHERE STARTSWITH(c.id, 'n')";
    Equal(60, (await Rows<int>($"SELECT VALUE COUNT(1) FROM c {Where}")).Single());
    Equal(1770, (await Rows<int>($"SELECT VALUE SUM(c.n) FROM c {Where}")).Single());
    Equal(29.5, (await Rows<double>($"SELECT VALUE AVG(c.n) FROM c {Where}")).Single());
    Equal(59, (await Rows<int>($"SELECT VALUE MAX(c.n) FROM c {Where}")).Single());
    Equal("[0,1,2]", JsonSerializer.Serialize((await Rows<int>($"SELECT DISTINCT VALUE c.third FROM c {Where}")).Order()));
    var groups = await Rows<JObject>($"SELECT c.third, COUNT(1) AS n, MAX(c.n) AS hi FROM c {Where} GROUP BY c.third");
    Equal("0:20:57,1:20:58,2:20:59", string.Join(",", groups.OrderBy(each => (int)each["third"]!).Select(each => $"{each["third"]}:{each["n"]}:{each["hi"]}")));
    Equal("[59,58,57]", JsonSerializer.Serialize(await Rows<int>($"SELECT TOP 3 VALUE c.n FROM c {Where} ORDER BY c.n DESC")));
    Equal("[10,11]", JsonSerializer.Serialize(await Rows<int>($"SELECT VALUE c.n FROM c {Where} ORDER BY c.n OFFSET 10 LIMIT 2")));
});

await Case("LINQ is translated to a query", async () =>
{
    using var iterator = Microsoft.Azure.Cosmos.Linq.CosmosLinqExtensions.ToFeedIterator(
        container.GetItemLinqQueryable<Row>().Where(row => row.n >= 57 && row.id.StartsWith("n")).OrderBy(row => row.n).Select(row => row.id));
    var rows = new List<string>();
    while (iterator.HasMoreResults) rows.AddRange(await iterator.ReadNextAsync());
    Equal("n57,n58,n59", string.Join(",", rows));
});

await Case("several items are read at once", async () =>
{
    var found = await container.ReadManyItemsAsync<JObject>(
        Enumerable.Range(0, 20).Select(n => ($"n{n:00}", new PartitionKey($"k{n % 12}"))).ToList());
    Equal(20, found.Count);
});

await Case("the change feed gives each item once and goes on by its continuation token", async () =>
{
    var first = await Changes(ChangeFeedStartFrom.Beginning());
    Equal(60, first.Ids.Count(id => id.StartsWith('n')));
    await container.UpsertItemAsync(Item("late", "p", 1), new PartitionKey("p"));
    Equal("late", string.Join(",", (await Changes(ChangeFeedStartFrom.ContinuationToken(first.Token))).Ids));
});

await Case("the change feed is divided by feed ranges, and by partition key", async () =>
{
    var ranges = await container.GetFeedRangesAsync();
    var parts = new List<string>();
    foreach (var range in ranges) parts.AddRange((await Changes(ChangeFeedStartFrom.Beginning(range))).Ids);
    Equal(60, parts.Count(id => id.StartsWith('n')));
    Equal(parts.Count, parts.Distinct().Count());
    var one = await Changes(ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(new PartitionKey("k0"))));
    Equal("n00,n12,n24,n36,n48", string.Join(",", one.Ids.Order()));
});

await Case("the change feed processor takes leases and hands over every change", async () =>
{
    Container leases = await database.CreateContainerIfNotExistsAsync(new ContainerProperties("leases", "/id"));
    var seen = new HashSet<string>();
    var done = new TaskCompletionSource();
    var processor = container.GetChangeFeedProcessorBuilder<JObject>("reader", (changes, _) =>
        {
            lock (seen)
            {
                foreach (var change in changes) seen.Add((string)change["id"]!);
                if (seen.Count(id => id.StartsWith('n')) == 60) done.TrySetResult();
            }
            return Task.CompletedTask;
        })
        .WithInstanceName("one").WithLeaseContainer(leases).WithPollInterval(TimeSpan.FromMilliseconds(50))
        .WithStartTime(DateTime.MinValue.ToUniversalTime()).Build();
    await processor.StartAsync();
    await done.Task.WaitAsync(TimeSpan.FromSeconds(20));
    await processor.StopAsync();
});

await Case("hierarchical partition keys address items, and prefixes of them queries", async () =>
{
    Container levels = await database.CreateContainerIfNotExistsAsync(new ContainerProperties("levels", ["/a", "/b"]));
    foreach (var (a, b) in new[] { ("x", "1"), ("x", "2"), ("y", "1") })
        await levels.CreateItemAsync(new JObject { ["id"] = a + b, ["a"] = a, ["b"] = b }, new PartitionKeyBuilder().Add(a).Add(b).Build());
    await levels.ReadItemAsync<JObject>("x2", new PartitionKeyBuilder().Add("x").Add("2").Build());
    using var iterator = levels.GetItemQueryIterator<string>("SELECT VALUE c.id FROM c",
        requestOptions: new() { PartitionKey = new PartitionKeyBuilder().Add("x").Build() });
    var rows = new List<string>();
    while (iterator.HasMoreResults) rows.AddRange(await iterator.ReadNextAsync());
    Equal("x1,x2", string.Join(",", rows.Order()));
});

await Case("an item without its partition key is read with None", async () =>
{
    await container.CreateItemAsync(new JObject { ["id"] = "bare" }, PartitionKey.None);
    await container.ReadItemAsync<JObject>("bare", PartitionKey.None);
});

internal sealed record Row(string id, string pk, int n);
